"""Figures side by side: a detector, its rivals, and what knows nothing, each with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from models.evaluate.baselines import always_on, clock, metronome, outside_range
from models.evaluate.bootstrap import resampled
from models.evaluate.events import runs
from models.evaluate.judged import Case, Judged, figures

SEED = 0
DRAWS = 1000

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table.

    Attributes:
        name: What was judged.
        figures: By the names in `legend.FIGURES`; NaN = does not apply.
        spans: Ends of the 95 % interval of some of them.
        note: What else is to be said of it.
    """

    name: str
    figures: dict[str, float]
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Lines that were judged alike.

    Attributes:
        title: What was judged on what.
        how: The protocol, in sentences: what was learnt from, what was chosen on what.
        lines: The first is the one the others are beside.
    """

    title: str
    how: tuple[str, ...]
    lines: tuple[Line, ...]

    def line(self, name: str) -> Line:
        """By its name."""
        return next(line for line in self.lines if line.name == name)


def line(
    name: str,
    parts: Sequence[Part],
    figures_of: Callable[[Sequence[Part]], Mapping[str, float]],
    *,
    note: str = "",
    draws: int = DRAWS,
) -> Line:
    """A line of figures that files have together, with intervals over the files; none for what no file changes."""
    spans = resampled(parts, figures_of, draws=draws, seed=SEED) if len(parts) > 1 else {}
    return Line(name, dict(figures_of(parts)), {key: ends for key, ends in spans.items() if ends[0] < ends[1]}, note)


def judged_line(name: str, files: Sequence[Judged], note: str = "") -> Line:
    """A line of all the figures of `judged.figures`."""
    return line(name, [file.summary() for file in files], figures, note=note)


def blind(
    cases: Sequence[Case], like: Sequence[Judged], hours: tuple[int, int] | None = None
) -> dict[str, list[Judged]]:
    """What knows nothing, on the same rows.

    Args:
        cases: The files.
        like: What the detector said of them; metronome and random alarm as often.
        hours: For the clock: rows after the start, and before the end. None = the median of the other files, and no
            clock for one file.
    """
    rng = np.random.default_rng(SEED)
    n = sum(len(file.truth) for file in like)
    episodes = sum(len(runs(file.flagged)) for file in like)
    share = sum(int(file.flagged.sum()) for file in like) / max(n, 1)
    period = max(1, round(n / max(1, episodes)))
    told: dict[str, list[Judged]] = {
        name: [] for name in ("always on", "clock", "metronome", "random", "range novelty")
    }
    for at, (case, file) in enumerate(zip(cases, like, strict=True)):
        size = len(file.truth)

        def said(name: str, score: object, limit: float = 0.5, file: Judged = file) -> None:
            values = np.asarray(score, dtype=np.float64)
            told[name].append(Judged(file.name, file.truth, values, file.time_s, file.every_s, limit))

        said("always on", always_on(size))
        if (on_off := hours or _hours([one for other, one in enumerate(like) if other != at])) is not None:
            said("clock", clock(size, *on_off))
        said("metronome", metronome(size, period, int(rng.integers(period))))
        said("random", rng.random(size), 1.0 - share)
        training = case.training if case.training is not None else case.rows[: case.start]
        said("range novelty", outside_range(training, case.rows[case.start :]), 0.0)
    return {name: files for name, files in told.items() if files}


def _hours(others: Sequence[Judged]) -> tuple[int, int] | None:
    """When events begin and end in other files: rows after the first, and before the last."""
    spans = [(spans[0, 0], len(one.truth) - spans[-1, 1]) for one in others if len(spans := runs(one.truth))]
    return (int(np.median([a for a, _ in spans])), int(np.median([b for _, b in spans]))) if spans else None
