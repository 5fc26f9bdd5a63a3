"""Guards the five top-level package names: generic, so another distribution could bring its own and overwrite ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import packages_distributions

ROOMS = ("connectors", "flows", "models", "edge_gateway", "cloud_sink")
DISTRIBUTION = "sluicegate"


def foreign_owners(owners: Mapping[str, Sequence[str]] | None = None) -> dict[str, list[str]]:
    """Rooms that a distribution other than ours also provides; {} = all is well.

    Args:
        owners: Package name -> distributions; left out: what is installed.
    """
    installed = packages_distributions() if owners is None else owners
    strangers = {room: sorted(set(installed.get(room, ())) - {DISTRIBUTION}) for room in ROOMS}
    return {room: names for room, names in strangers.items() if names}
