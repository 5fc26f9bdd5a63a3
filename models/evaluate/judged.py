"""What a detector said of a file, all figures of it, and those of several files together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from models.evaluate.events import EventCounts, event_counts, runs
from models.evaluate.nab import LOW_FN, LOW_FP, STANDARD, NabFile, nab_gain, normalised
from models.evaluate.pointwise import Counts, counts
from models.evaluate.ranking import average_precision, roc_auc
from models.evaluate.repeats import without_repeats
from models.evaluate.vus import vus_pr

BUFFER_ROWS = 60
"""Longest buffer of VUS-PR."""

REPEAT_ROWS = 100
"""For how long an alert silences equal and lower ones before NAB's score counts it."""

_PROFILES = (STANDARD, LOW_FP, LOW_FN)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One file to be judged.

    Attributes:
        name: Of the file.
        group: What is recorded alike; a choice is never made on the group it is judged on.
        rows: float64[n, tags], NaN = missing.
        truth: bool[n], anomalous rows.
        time_s: float64[n], rising.
        every_s: What one row stands for.
        start: First row that counts; rows before it are learnt from, or warm up.
        training: float64[m, tags] of normal operation that the detector has seen; None = the rows before `start`.
    """

    name: str
    group: str
    rows: NDArray[np.float64]
    truth: NDArray[np.bool_]
    time_s: NDArray[np.float64]
    every_s: float
    start: int
    training: NDArray[np.float64] | None = None

    def judged(self, score: NDArray[np.float64], limit: float = 1.0) -> Judged:
        """By scores float64[n] of all rows."""
        part = slice(self.start, None)
        return Judged(self.name, self.truth[part], score[part], self.time_s[part], self.every_s, limit)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The rows of a file that count, and their scores.

    Attributes:
        name: Of the file.
        truth: bool[n].
        score: float64[n]; higher = more anomalous, NaN = none.
        time_s: float64[n], rising.
        every_s: What one row stands for.
        limit: Above it is an alarm.
    """

    name: str
    truth: NDArray[np.bool_]
    score: NDArray[np.float64]
    time_s: NDArray[np.float64]
    every_s: float
    limit: float = 1.0

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Rows with an alarm; no score is one, too."""
        return ~(self.score <= self.limit)

    def summary(self) -> Summary:
        """All that is counted in this file alone."""
        flagged = self.flagged
        rank = np.where(np.isnan(self.score), np.inf, self.score)
        alerts = without_repeats(np.where(flagged, np.where(rank > 0, rank, 1.0), 0.0), REPEAT_ROWS)
        windows = [(int(first), int(end) - 1) for first, end in runs(self.truth)]
        file = NabFile(alerts, windows, ignored=0)
        least = float(alerts[alerts > 0].min()) if alerts.any() else 1.0
        return Summary(
            counts=counts(self.truth, flagged),
            events=event_counts(self.truth, flagged, self.time_s, self.every_s),
            roc_auc=roc_auc(rank, self.truth),
            pr_auc=average_precision(rank, self.truth),
            vus_pr=vus_pr(rank, self.truth, longest=BUFFER_ROWS),
            nab=tuple(nab_gain(file, least, profile) for profile in _PROFILES),
            unscored=int(np.count_nonzero(np.isnan(self.score))),
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one file.

    Attributes:
        counts: Row by row.
        events: Event by event.
        roc_auc: NaN where all rows are of one kind.
        pr_auc: NaN without anomalous rows; so is `vus_pr`.
        vus_pr: Buffers up to `BUFFER_ROWS`.
        nab: Gains by the profiles standard, low FP, low FN.
        unscored: Rows without a score.
    """

    counts: Counts
    events: EventCounts
    roc_auc: float
    pr_auc: float
    vus_pr: float
    nab: tuple[float, ...]
    unscored: int


def figures(parts: Sequence[Summary]) -> dict[str, float]:
    """Figures of files together, by the names in `legend.FIGURES`; NaN where there is nothing to count."""
    rows = reduce(add, (part.counts for part in parts), Counts())
    events = reduce(add, (part.events for part in parts), EventCounts())
    n = rows.tp + rows.fp + rows.fn + rows.tn
    gains = np.sum([part.nab for part in parts], axis=0)
    nab = [normalised(float(gain), events.events, profile) for gain, profile in zip(gains, _PROFILES, strict=True)]
    return {
        "f1": rows.f1 if rows.tp + rows.fn else float("nan"),
        "far": rows.far if rows.fp + rows.tn else float("nan"),
        "mar": rows.mar if rows.tp + rows.fn else float("nan"),
        "balanced_accuracy": rows.balanced_accuracy if 0 < rows.tp + rows.fn < n else float("nan"),
        "roc_auc": _mean([part.roc_auc for part in parts]),
        "pr_auc": _mean([part.pr_auc for part in parts]),
        "vus_pr": _mean([part.vus_pr for part in parts]),
        "found": events.found / events.events if events.events else float("nan"),
        "event_precision": events.precision,
        "delay_s": events.delay_s(),
        "delay_p90_s": events.delay_s(0.9),
        "false_alarms_per_day": events.false_alarms_per_day,
        "nab": nab[0],
        "nab_low_fp": nab[1],
        "nab_low_fn": nab[2],
        "unscored": sum(part.unscored for part in parts) / n if n else float("nan"),
    }


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")
