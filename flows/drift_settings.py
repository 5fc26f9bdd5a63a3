"""Over how long drift is judged, and how seldom it may be told for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flows.durations import to_ns
from models.drift import PERIOD, Reference, limit_of

_YEAR_NS = 365 * 86_400 * 10**9
_MOST_CHANCE = 0.05  # of a false alarm in one period: over a month, "one a year" would allow a wild guess


@dataclass(frozen=True, kw_only=True)
class DriftSettings:
    """For every asset that has a model.

    Attributes:
        period: Windows of so long are held against the baseline together; `PERIOD` of them at least, and `PERIOD` of
            them, evenly chosen, where there are more. As long as a cycle of what is normal, such as a day.
        false_alarms_a_year: Of one asset and model, at most, while nothing drifts.

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    period: timedelta = timedelta(days=1)
    false_alarms_a_year: float = 1.0

    def __post_init__(self) -> None:
        if self.period <= timedelta(0):
            msg = f'period = {self.period}: must be longer than nothing, such as "1d"'
            raise ValueError(msg)
        if not self.false_alarms_a_year > 0:
            msg = f"false_alarms_a_year = {self.false_alarms_a_year:g}: must be above 0, such as 1"
            raise ValueError(msg)

    def stride(self, every_ns: int) -> int:
        """One window in so many counts, where windows start so often."""
        return max(1, to_ns(self.period) // (every_ns * PERIOD))

    def lasts_ns(self, every_ns: int) -> int:
        """What a period comes to, where no window is left out."""
        return PERIOD * self.stride(every_ns) * every_ns

    def limit(self, of: Reference) -> float:
        """Of the gap, see `models.drift`."""
        chance = self.false_alarms_a_year * self.lasts_ns(of.every_ns) / _YEAR_NS
        return limit_of(min(chance, _MOST_CHANCE), len(of.edges))
