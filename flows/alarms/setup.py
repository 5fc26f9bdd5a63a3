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
        latest: Gives the setup as it is now, the same object as long as it is the same; asked with every item. None =
            it never changes.
    """

    alerts: AlertSettings
    windows: Timing
    rules: Callable[[str], Watched | None] = no_rules
    maintenance: Callable[[str], Maintenance] = no_maintenance
    latest: Callable[[], AlarmSetup] | None = None

    @property
    def now(self) -> AlarmSetup:
        """The latest."""
        return self if self.latest is None else self.latest()

    def of(self, asset: str) -> tuple[object, ...]:
        """What the alarms of an asset are made from; equal if they would be the same."""
        watched = self.rules(asset)
        return self.alerts, self.maintenance(asset), None if watched is None else watched.of
