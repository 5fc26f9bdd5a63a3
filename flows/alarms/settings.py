"""When alerts open and clear, and how many of them people are asked to bear."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flows.durations import to_ns

_NONE = timedelta(0)
MOST_POINTS = 500  # of a curve: wider than any plot


@dataclass(frozen=True, kw_only=True)
class AlertSettings:
    """When to tell people. Scores are in units of the model's threshold; counts are consecutive windows.

    Attributes:
        open_above: "anomaly" opens when the score is above this ...
        open_after: ... for so many windows (on-delay).
        clear_below: It clears when the score is below this (hysteresis) ...
        clear_after: ... for so many windows (off-delay).
        alarm_above: It opens as "alarm" instead of "warning" when the deciding score is at least this.
        quality_after: "data_quality" opens when the model abstained for so many windows, and clears when it judged
            for as many.
        latch: "anomaly" and "data_quality" stay open after their return to normal until a person resets them.
        flapping_limit: An alarm that opened so often ...
        flapping_period: ... within this (event time) is held at its next opening, until it was calm for as long. A
            limit of 0 = never.
        flood_limit: Openings that pass over the whole gateway ...
        flood_period: ... within this (time of reception); what comes on top is held back: a record, but not an alert.
            A limit of 0 = never. 10 in 10 minutes is what one operator can answer to (ANSI/ISA-18.2, 16.5).
        flood_spares_alarms: Alerts of severity "alarm" always pass; they count all the same.
        evidence_points: Samples of each tag, at most five tags, that an opening carries as a curve: as many as a small
            plot needs, about 1 kB of JSON each tag. 0 = none leave the site.

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    open_above: float = 1.0
    open_after: int = 2
    clear_below: float = 0.8
    clear_after: int = 3
    alarm_above: float = 2.0
    quality_after: int = 2
    latch: bool = False
    flapping_limit: int = 5
    flapping_period: timedelta = timedelta(minutes=10)
    flood_limit: int = 10
    flood_period: timedelta = timedelta(minutes=10)
    flood_spares_alarms: bool = True
    evidence_points: int = 64

    def __post_init__(self) -> None:
        for name in ("open_after", "clear_after", "quality_after"):
            if getattr(self, name) < 1:
                msg = f"{name} = {getattr(self, name)}: at least 1 window has to decide; write 1 to act on the first"
                raise ValueError(msg)
        if not 0 < self.clear_below <= self.open_above:
            msg = (
                f"clear_below = {self.clear_below}: must be above 0 and at most open_above = {self.open_above}, "
                "or an alert would open and clear on one score"
            )
            raise ValueError(msg)
        if not self.alarm_above >= self.open_above:
            msg = f"alarm_above = {self.alarm_above}: must be at least open_above = {self.open_above}"
            raise ValueError(msg)
        if self.evidence_points != 0 and not 2 <= self.evidence_points <= MOST_POINTS:
            msg = f"evidence_points = {self.evidence_points}: must be 0 for no curve, or 2 to {MOST_POINTS}"
            raise ValueError(msg)
        for name in ("flapping", "flood"):
            limit, period = getattr(self, f"{name}_limit"), getattr(self, f"{name}_period")
            if limit < 0:
                msg = f"{name}_limit = {limit}: must not be negative; write 0 to hold nothing back"
                raise ValueError(msg)
            if period <= _NONE:
                msg = f'{name}_period = {period}: must be longer than nothing, such as "10min"'
                raise ValueError(msg)

    @property
    def flapping_ns(self) -> int:
        """`flapping_period` in ns."""
        return to_ns(self.flapping_period)

    @property
    def flood_ns(self) -> int:
        """`flood_period` in ns."""
        return to_ns(self.flood_period)
