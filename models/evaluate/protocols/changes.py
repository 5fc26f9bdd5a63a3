"""SKAB's changepoints: fit on the first 400 rows of each run, tell changes in the rest, a dead time of 20 s.

Tuned on labels, never on those of the group that is judged: the threshold, by the highest LowFP score. The lengths
inside the detector (20 and 60 rows) come from earlier work on these files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.detectors.mean_shift import MeanShiftDetector
from models.evaluate.baselines import always_on, clock, metronome, outside_range, random_scores
from models.evaluate.changepoints import Changes, after_dead_time, changepoint_score
from models.evaluate.nab import LOW_FN, LOW_FP, STANDARD
from models.evaluate.protocols.files import SKAB_GROUPS, ChangedCase, skab
from models.evaluate.protocols.skab import CLOCK
from models.evaluate.tables import SEED, Table, line

CHOSEN = "mean shift, threshold chosen on other groups"
DEAD_S = 20.0
DEVIATIONS = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0)


def tables(folder: Path) -> list[Table]:
    """One table."""
    runs = skab(folder)
    scores = [
        MeanShiftDetector().fit(run.case.rows[: run.case.start]).anomaly_score(run.case.rows)[run.case.start :]
        for run in runs
    ]
    judged, chosen = [], []
    for group in SKAB_GROUPS:
        others = [(run, score) for run, score in zip(runs, scores, strict=True) if run.case.group != group]

        def worth(deviations: float, others: Sequence[tuple[ChangedCase, NDArray[np.float64]]] = others) -> float:
            return changepoint_score([told(run, score > deviations**2) for run, score in others])

        best = max(DEVIATIONS, key=worth)
        chosen.append(f"{group} {best:g}")
        judged += [
            told(run, score > best**2) for run, score in zip(runs, scores, strict=True) if run.case.group == group
        ]
    lines = [
        line(CHOSEN, judged, scored, note=f"deviations: {', '.join(chosen)}"),
        *(line(name, files, scored) for name, files in _blind(runs).items()),
    ]
    how = (f"Fit on the first rows of each run; alarms within {DEAD_S:g} s of one that was told are not told.",)
    return [Table("SKAB, changepoints", how, tuple(lines))]


def scored(files: Sequence[Changes]) -> dict[str, float]:
    """By the three profiles."""
    profiles = {"changes_low_fp": LOW_FP, "changes": STANDARD, "changes_low_fn": LOW_FN}
    return {name: changepoint_score(files, profile) for name, profile in profiles.items()}


def told(run: ChangedCase, flagged: NDArray[np.bool_]) -> Changes:
    """What is told of the rows after the training rows."""
    time_s = run.case.time_s[run.case.start :]
    return Changes(time_s[run.changed[run.case.start :]], after_dead_time(time_s[flagged], DEAD_S))


def _blind(runs: Sequence[ChangedCase]) -> dict[str, list[Changes]]:
    rng = np.random.default_rng(SEED)

    def novel(run: ChangedCase) -> NDArray[np.bool_]:
        return outside_range(run.case.rows[: run.case.start], run.case.rows[run.case.start :]) > 0

    verdicts: dict[str, Callable[[ChangedCase, int], NDArray[np.bool_]]] = {
        "always on (every 20 s)": lambda _, n: always_on(n),
        "clock": lambda _, n: np.diff(clock(n, *CLOCK), prepend=False),
        "metronome 30 s": lambda _, n: metronome(n, 30),
        "metronome 60 s": lambda _, n: metronome(n, 60),
        "random": lambda _, n: random_scores(n, rng) > 0.98,
        "range novelty": lambda run, _: novel(run),
    }
    return {
        name: [told(run, verdict(run, len(run.case.rows) - run.case.start)) for run in runs]
        for name, verdict in verdicts.items()
    }
