"""The exported graph against the fitted detector: nothing is written that does not agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.bundle import GOLDEN_SCORES, Golden
from models.detectors.catalogue import AnyDetector
from models.detectors.raw_rows import RawRowDetector
from models.detectors.row_detector import RowDetector
from models.errors import TrainingRefused
from models.feature_rows import FeatureRows
from models.fitting import Fitted
from models.scores import Scorer, follow
from models.state import begin

MAX_DIFFERENCE = 1e-5  # relative, between the reference and the exported graph
PROVEN_OFFSET = 1e7  # standard deviations up to which they must agree
ROWS_MOVED = 200  # of the hold-out that are also compared far away, and so many that every state is full
SMALLEST = 1e-9  # scores below count as this: 0 has no relative difference
ROWS_FAR = 8  # golden rows of each of these kinds, where a detector remembers: past the five that it may hold a value
FAR = 100.0  # standard deviations between golden rows and those that must not pass for normal


def prove(detector: AnyDetector, scorer: Scorer, rows: FeatureRows) -> float:
    """Largest relative difference between the fitted detector and the graph that was made of it.

    Compared on the rows as they are; with each tag in turn moved by 1e7 standard deviations, and with all of them; and,
    where the detector remembers, with values missing.

    Args:
        detector: The reference.
        scorer: The same, exported.
        rows: The hold-out, with the columns the detector wants.

    Raises:
        TrainingRefused: It is above 1e-5, or one of them has a score where the other has none.
    """
    difference = (
        _of_rows(detector, scorer, rows) if isinstance(detector, RowDetector) else _of_runs(detector, scorer, rows)
    )
    if not difference <= MAX_DIFFERENCE:
        raise TrainingRefused(
            "difference",
            f"{difference:.1e}",
            f"reference and ONNX Runtime must agree within {MAX_DIFFERENCE:g} (relative)",
            "report it with the recording: the export is wrong, or a column is too large for float64",
        )
    return difference


def golden_rows(fitted: Fitted) -> Golden:
    """Rows near and far, and the scores they must get, so that a graph that says "normal" to everything fails.

    Of a detector of rows some of the hold-out, and the same far away. Of one that remembers the rows of an asset until
    it has as many scores, then some far away, then some with every other tag missing.

    Raises:
        TrainingRefused: No run of an asset is long enough.
    """
    detector, later = fitted.detector, fitted.later
    if isinstance(detector, RowDetector):
        draw = np.random.default_rng(fitted.seed)
        chosen = np.sort(draw.choice(len(later), min(GOLDEN_SCORES, len(later)), replace=False))
        near = later.flat[chosen]
        flat = np.concatenate([near, near + FAR * detector.scale_])
        return Golden(flat.reshape(-1, *later.values.shape[1:]), detector.anomaly_score(flat))
    run, whole = _scored_rows(detector, later, fitted.kept)
    far = whole[-ROWS_FAR:] + FAR * _spread(run)
    holed = whole[-ROWS_FAR:].copy()
    holed[:, ::2] = np.nan
    flat = np.concatenate([whole, far, holed])
    return Golden(flat[:, :, None], detector.anomaly_score(flat))


def _scored_rows(detector: RawRowDetector, *parts: FeatureRows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A run of one of the parts, and its first rows until the detector has given as many scores as a bundle needs."""
    for part in parts:
        run = _longest(part, detector.warm_up)
        early = run[: 8 * (detector.warm_up + GOLDEN_SCORES)]  # enough, unless much of it is missing
        for rows in (early, run):
            scored = np.cumsum(np.isfinite(detector.anomaly_score(rows)))
            if scored[-1] >= GOLDEN_SCORES:
                return run, run[: np.searchsorted(scored, GOLDEN_SCORES) + 1]
    rule = f"no asset has windows without a pause in which {GOLDEN_SCORES} of them get a score, to prove the model by"
    raise TrainingRefused("rows", len(parts[0]), rule, "record longer, and without pauses")


def _of_rows(detector: RowDetector, scorer: Scorer, rows: FeatureRows) -> float:
    flat, some = rows.flat, rows.flat[-ROWS_MOVED:]
    away = PROVEN_OFFSET * detector.scale_
    moved = np.concatenate([flat, some + away, some - away, flat[-1] + np.diag(away), flat[-1] - np.diag(away)])
    got = scorer.score(moved.reshape(-1, *rows.values.shape[1:])).score
    return _difference(detector.anomaly_score(moved), got)


def _of_runs(detector: RawRowDetector, scorer: Scorer, rows: FeatureRows) -> float:
    worst = 0.0
    for run in (rows.flat[which] for which in rows.runs(detector.warm_up)):
        worst = max(worst, _difference(detector.anomaly_score(run), follow(scorer, run[:, :, None]).score))
    some = _longest(rows, detector.warm_up)[-ROWS_MOVED:]
    away = PROVEN_OFFSET * _spread(some)
    holed = some.copy()
    holed[len(some) // 2 : len(some) // 2 + 3, 0] = np.nan
    holed[-len(some) // 4 : -len(some) // 8, -1] = np.nan
    runs = np.stack([holed, some + away, some - away, *(some + row for row in np.diag(away))])
    state, got = begin(scorer.state, len(runs)), np.empty(runs.shape[:2])
    for at in range(runs.shape[1]):  # all runs side by side, as assets of one model
        one = scorer.score(runs[:, at, :, None], state)
        got[:, at], state = one.score, one.state
    return max(worst, *(_difference(detector.anomaly_score(run), mine) for run, mine in zip(runs, got, strict=True)))


def _difference(want: NDArray[np.float64], got: NDArray[np.float64]) -> float:
    """Largest relative one; infinite where only one of them has a score."""
    if not np.array_equal(np.isfinite(want), np.isfinite(got)):
        return float("inf")
    known = np.isfinite(want)
    apart = np.abs(got - want)[known] / np.maximum(np.abs(want)[known], SMALLEST)
    return float(np.max(apart, initial=0.0))


def _longest(rows: FeatureRows, warm_up: int) -> NDArray[np.float64]:
    """Rows float64[n, tags] of the longest run."""
    run: NDArray[np.float64] = rows.flat[max(rows.runs(warm_up), key=len)]
    return run


def _spread(run: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of each tag; 1 where it stands still."""
    spread = np.nanstd(run, axis=0)
    return np.where(spread > 0, spread, 1.0)
