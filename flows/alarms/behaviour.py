"""What is set of an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.alarm_settings import AlarmSettings
from flows.alarms.settings import AlertSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """Of one alarm; times in ns of event time.

    Attributes:
        severity: Of a transition that belongs to no opening: "warning" or "alarm".
        on_delay_ns: The condition has to hold so long before the alarm is active.
        off_delay_ns: It has to be over so long before it is not.
        latch: It stays open until it is reset.
        suppressed_by: While any of these alarms of the asset is active, this one is silent.
        flapping_limit: Openings within `flapping_ns` after which the next is held; 0 = never.
        flapping_ns: Also how long it then has to be calm.
        tag: The one it concerns; "" = the whole asset.
    """

    severity: str = "warning"
    on_delay_ns: int = 0
    off_delay_ns: int = 0
    latch: bool = False
    suppressed_by: tuple[str, ...] = ()
    flapping_limit: int = 0
    flapping_ns: int = 1
    tag: str = ""

    def flaps(self, opened: Sequence[int], at: int) -> bool:
        """Whether an opening at `at` is one too many after those before it, ascending."""
        limit = self.flapping_limit
        return 0 < limit <= len(opened) and opened[-limit] > at - self.flapping_ns


def behaviour_of(alarm: AlarmSettings, alerts: AlertSettings, tag: str = "") -> Behaviour:
    """Of the alarm of a rule."""
    return Behaviour(
        severity=alarm.severity,
        on_delay_ns=alarm.on_delay_ns,
        off_delay_ns=alarm.off_delay_ns,
        latch=alarm.latch,
        suppressed_by=alarm.suppressed_by,
        flapping_limit=alerts.flapping_limit,
        flapping_ns=alerts.flapping_ns,
        tag=tag,
    )


def behaviour_of_scores(alerts: AlertSettings) -> Behaviour:
    """Of "anomaly" and "data_quality": they are delayed by windows in a row, not by time."""
    return Behaviour(latch=alerts.latch, flapping_limit=alerts.flapping_limit, flapping_ns=alerts.flapping_ns)
