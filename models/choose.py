"""Which detector, where nobody has said: a rule that sees rows of normal operation and no labels.

1. A feature set without a level of each tag (the vibration set), or fewer rows than the suite learns from:
   `mahalanobis`, which judges each window by itself and learns from few, by shrinkage.
2. A plant that was in each of several clearly separate modes of operation at least twice: `mixture`. To any detector
   with one centre the empty space between modes is the most normal place of all.
3. Else `suite`, the first or tied for the first on three very different plants with the same settings. But where its
   held-out scores lie more than three times above its in-sample scores it has learnt this recording and not the plant;
   `mahalanobis` then, if that carries over.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from models.calibrate import MAX_RATIO
from models.detectors.mixture import MixtureDetector
from models.detectors.stream import StreamDetector
from models.errors import TrainingRefused
from models.feature_rows import LEVELS, FeatureRows
from models.fitting import Fitted, Options, Told, fit

SEPARATION = 4.0
"""Ashman's D (Ashman, Bird and Zepf, Astron. J. 108, 1994) between modes: above 2 they are clean. The two halves of a
steady ramp have 3.5, and are no modes."""

LEAST_SHARE = 0.05  # of the rows in each mode
VISIT = 5  # rows in a row that count as having been there


def fit_chosen(rows: FeatureRows, options: Options, told: Told = lambda _: None) -> tuple[Fitted, str]:
    """Choose a detector by the rule above and fit it.

    Returns:
        The calibrated detector, and a sentence that says why it is this one.

    Raises:
        TrainingRefused: The rows cannot carry it.
    """
    if not set(LEVELS) & set(rows.features):
        why = f"feature set {rows.feature_set.name} has no level of each tag, so each window is judged by itself"
        return fit("mahalanobis", rows, options, told), why
    least = StreamDetector().least_rows
    kept = len(rows) / rows.together * (1 - options.holdout)
    if kept < least:
        why = f"{kept:.0f} windows of each asset to learn from, and the suite needs {least}"
        return fit("mahalanobis", rows, options, told), why
    told("look for modes of operation")
    if (modes := distinct_modes(rows)) > 1 and (fitted := _mixture(rows, options, told)) is not None:
        return fitted, f"the plant was in each of {modes} separate modes of operation more than once"
    suite = fit("suite", rows, options, told)
    ratio = suite.calibration.heldout_over_in_sample
    if ratio > MAX_RATIO:
        other = fit("mahalanobis", rows, options, told)
        lower = other.calibration.heldout_over_in_sample
        if lower <= MAX_RATIO:
            return other, f"held-out over in-sample scores: {lower:.1f}, and of the suite {ratio:.1f}"
    return suite, f"the suite is the default; held-out over in-sample scores: {ratio:.1f}"


def distinct_modes(rows: FeatureRows) -> int:
    """Number of modes of operation, each visited twice at least and clearly apart from the others; 1 = none."""
    level = rows.level()
    level = level[level.whole]
    if len(level) < 4 * MixtureDetector().modes * len(rows.tags):
        return 1
    detector = MixtureDetector().fit(level.flat)
    count = len(detector.means_)
    if count < 2 or _separation(detector) < SEPARATION:
        return 1
    z = (level.flat - detector.centre_) / detector.scale_
    away = z[:, None] - detector.means_
    mode = np.einsum("nmp,mpq,nmq->nm", away, detector.precisions_, away, optimize=True).argmin(axis=1)
    for asset in np.unique(level.assets):
        mine = mode[level.assets == asset]
        visits = _visits(mine)
        shares = np.bincount(mine, minlength=count) / len(mine)
        if any(visits.count(at) < 2 or shares[at] < LEAST_SHARE for at in range(count)):
            return 1
    return count


def _mixture(rows: FeatureRows, options: Options, told: Told) -> Fitted | None:
    """None where it is not one after all: with all features, or where it does not carry over."""
    try:
        fitted = fit("mixture", rows, options, told)
    except TrainingRefused:
        return None
    assert isinstance(fitted.detector, MixtureDetector)
    carries = fitted.calibration.heldout_over_in_sample <= MAX_RATIO
    return fitted if carries and len(fitted.detector.means_) > 1 else None


def _separation(detector: MixtureDetector) -> float:
    """Smallest D of any two modes, along the line between their means."""
    covariances = np.linalg.inv(detector.precisions_)
    smallest = np.inf
    for one, other in combinations(range(len(covariances)), 2):
        way = detector.means_[other] - detector.means_[one]
        length = float(np.linalg.norm(way))
        along = way / max(length, 1e-12)
        spread = along @ (covariances[one] + covariances[other]) @ along
        smallest = min(smallest, length * float(np.sqrt(2.0 / spread)))
    return smallest


def _visits(mode: NDArray[np.int64]) -> list[int]:
    """Modes in the order in which they were visited, for at least `VISIT` rows in a row and not twice running."""
    edges = np.flatnonzero(np.diff(mode)) + 1
    visited: list[int] = []
    for run in np.split(mode, edges):
        if len(run) >= VISIT and (not visited or visited[-1] != run[0]):
            visited.append(int(run[0]))
    return visited
