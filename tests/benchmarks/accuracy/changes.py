"""SKAB's changepoints: fit on the first 400 rows of each run, tell changes in the rest, a dead time of 20 s.

Tuned on labels, never on those of the group that is judged: the threshold, by the highest LowFP score. The lengths
inside the detector (20 and 60 rows) come from earlier work on these files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from accuracy.data import SKAB_GROUPS, Recording, skab
from accuracy.report import DRAWS, SEED, between, result
from numpy.typing import NDArray

from models.detectors.mean_shift import MeanShiftDetector
from models.evaluate.baselines import always_on, clock, metronome, outside_range, random_scores
from models.evaluate.bootstrap import interval
from models.evaluate.changepoints import Changes, after_dead_time, changepoint_score
from models.evaluate.nab import LOW_FN, STANDARD

TRAINING, DEAD_S, LEAST = 400, 20.0, 50.0
THRESHOLDS = tuple(deviations**2 for deviations in (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0))


def run(data: Path) -> list[dict[str, Any]]:
    runs = skab(data)
    scores = [MeanShiftDetector().fit(one.rows[:TRAINING]).anomaly_score(one.rows)[TRAINING:] for one in runs]
    judged: list[Changes] = []
    chosen = {}
    for group in SKAB_GROUPS:
        others = [(one, score) for one, score in zip(runs, scores, strict=True) if one.group != group]
        best = max(THRESHOLDS, key=lambda at, others=others: changepoint_score([told(o, s > at) for o, s in others]))
        judged += [told(one, score > best) for one, score in zip(runs, scores, strict=True) if one.group == group]
        chosen[group] = f"{best**0.5:g} deviations"
    figure = changepoint_score(judged)
    return [
        result(
            "SKAB changepoints, threshold chosen on other groups",
            figure,
            "LowFP score",
            ">= 50",
            figure >= LEAST,
            interval=between(interval(judged, changepoint_score, draws=DRAWS, seed=SEED)),
            standard=f"{changepoint_score(judged, STANDARD):.1f}",
            low_fn=f"{changepoint_score(judged, LOW_FN):.1f}",
            **chosen,
            **_baselines(runs),
        )
    ]


def told(run: Recording, flagged: NDArray[np.bool_]) -> Changes:
    """What is told of the rows after the training rows."""
    time_s = run.time_s[TRAINING:]
    return Changes(time_s[run.changed[TRAINING:]], after_dead_time(time_s[flagged], DEAD_S))


def _baselines(runs: Sequence[Recording]) -> dict[str, str]:
    rng = np.random.default_rng(SEED)
    blind: dict[str, Callable[[Recording], NDArray[np.bool_]]] = {
        "always on (every 20 s)": lambda one: always_on(len(one.rows) - TRAINING),
        "clock": lambda one: np.diff(clock(len(one.rows) - TRAINING, 180, 150), prepend=False),
        "metronome 60 s": lambda one: metronome(len(one.rows) - TRAINING, 60),
        "random": lambda one: random_scores(len(one.rows) - TRAINING, rng) > 0.98,
        "range novelty": lambda one: outside_range(one.rows[:TRAINING], one.rows[TRAINING:]) > 0,
    }
    lines = {}
    for name, verdict in blind.items():
        files = [told(one, verdict(one)) for one in runs]
        spread = interval(files, changepoint_score, draws=DRAWS, seed=SEED)
        lines[name] = (
            f"{changepoint_score(files):.1f} ({between(spread)}), standard {changepoint_score(files, STANDARD):.1f}"
        )
    return lines
