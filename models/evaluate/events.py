"""Every event judged as a whole: found or not, how late, and how often an alarm had no event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Events and alarm episodes. Add those of several files to pool them.

    An event is a run of anomalous rows, an episode a run of flagged rows. An episode that was already on when an event
    began finds it with delay 0: it would be unfair to ask a detector to switch off first, and false alarms are counted
    beside it.

    Attributes:
        events: Number of them.
        delays_s: Of the events found: seconds from the first row of the event to its first flagged row.
        episodes: Number of alarm episodes.
        false_episodes: Those that touch no event.
        normal_s: Seconds of normal operation judged.
    """

    events: int = 0
    delays_s: tuple[float, ...] = ()
    episodes: int = 0
    false_episodes: int = 0
    normal_s: float = 0.0

    def __add__(self, other: Self) -> EventCounts:
        return EventCounts(
            self.events + other.events,
            self.delays_s + other.delays_s,
            self.episodes + other.episodes,
            self.false_episodes + other.false_episodes,
            self.normal_s + other.normal_s,
        )

    @property
    def found(self) -> int:
        """Events with at least one flagged row. Always-on finds all: read it beside `false_alarms_per_day`."""
        return len(self.delays_s)

    @property
    def precision(self) -> float:
        """Share of the episodes that touch an event; NaN without episodes."""
        return 1.0 - self.false_episodes / self.episodes if self.episodes else float("nan")

    @property
    def false_alarms_per_day(self) -> float:
        """Episodes that touch no event, per day of normal operation (EEMUA 191 counts alarms per time, too)."""
        return self.false_episodes / self.normal_s * SECONDS_PER_DAY if self.normal_s else float("nan")

    def delay_s(self, quantile: float = 0.5) -> float:
        """Of the events found, in seconds; NaN where none was found."""
        return float(np.quantile(self.delays_s, quantile)) if self.delays_s else float("nan")


def runs(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First and one-past-last row of each run of True, int64[runs, 2]."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return edges.reshape(-1, 2)


def event_counts(
    truth: NDArray[np.bool_], flagged: NDArray[np.bool_], time_s: NDArray[np.float64], every_s: float
) -> EventCounts:
    """Compare the runs of two bool[n].

    Args:
        truth: Anomalous rows.
        flagged: Rows with an alarm.
        time_s: float64[n] of the rows, rising; a delay is a difference of these.
        every_s: What one row stands for when normal operation is added up.
    """
    delays = []
    for start, end in runs(truth):
        hits = np.flatnonzero(flagged[start:end])
        if len(hits):
            delays.append(float(time_s[start + hits[0]] - time_s[start]))
    episodes = runs(flagged)
    false = sum(1 for start, end in episodes if not truth[start:end].any())
    normal_s = float(np.count_nonzero(~truth)) * every_s
    return EventCounts(len(runs(truth)), tuple(delays), len(episodes), false, normal_s)
