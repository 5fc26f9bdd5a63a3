"""Values as Telegraf writes them, in the forms of gateway.toml. Pure."""

from __future__ import annotations

from itertools import chain, count
from typing import Any

from edge_gateway.config.names import config_name


def tables(value: Any) -> list[dict[str, Any]]:
    """A table, or a list of them, as a list."""
    if isinstance(value, dict):
        return [value]
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []


class Given:
    """Names that were given away: no two are the same."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def name(self, *wishes: str) -> str:
        """The first of the wishes that is free, as a name that a configuration takes; else with a number."""
        names = [config_name(wish) for wish in wishes]
        numbered = (f"{names[-1][:58]}-{number}" for number in count(2))
        name = next(name for name in chain(names, numbered) if name not in self._names)
        self._names.add(name)
        return name
