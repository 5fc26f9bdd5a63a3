"""What the alarms of an asset are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flows.alarms.maintenance import NONE, Maintenance
from flows.alarms.settings import AlertSettings
from flows.alarms.watch import Watched, no_rules
from flows.timing import Timing


def no_maintenance(asset: str) -> Maintenance:  # noqa: ARG001 - of any
    """Every asset is always in service."""
    return NONE


@dataclass(frozen=True, kw_only=True)
class AlarmSetup:
    """From the configuration, for all assets.

    Attributes:
        alerts: Levels and limits.
        windows: Of the windows that are scored: their lateness, and the skew beyond which a sample is not believed.
        rules: Gives what is watched on an asset, None = nothing; asked once, at its first item.
        maintenance: Gives the calendar of an asset; asked once, at its first item.
    """

    alerts: AlertSettings
    windows: Timing
    rules: Callable[[str], Watched | None] = no_rules
    maintenance: Callable[[str], Maintenance] = no_maintenance
