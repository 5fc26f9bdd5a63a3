"""Whether rows can carry a model: what is refused, and what is said in a warning. Pure numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import TrainingRefused

BLOCKS = 4
ROWS_PER_BLOCK = 5  # below this a block says nothing about the rows of another
MIN_ROWS = 20
MAX_MISSING = 0.2  # share of rows with a hole; above it the recording shows a fault, not normal operation
NOTED_MISSING = 0.01
MAX_DRIFT = 1.0  # standard deviations over the recording
ENOUGH_ROWS = 2000
"""Trained on 2,000 rows of a warming plant, 1.2 % of the rows that followed were false alarms; on 400, nearly all."""


def least_rows(embargo: int) -> int:
    """Fewest rows a limit can be calibrated on: each fit of the cross-validation keeps 3 blocks of 5 rows."""
    kept = (BLOCKS - 1) * ROWS_PER_BLOCK
    return max(MIN_ROWS, math.ceil((kept + 2 * embargo) * BLOCKS / (BLOCKS - 1)))


def whole_rows(
    rows: NDArray[np.float64], tags: Sequence[str], warnings: list[str], *, left_out: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Leave out rows that are not finite.

    Args:
        rows: float64[n, tags, features] in time order.
        tags: Names.
        warnings: Sentences are added to it.
        left_out: Whether they will be; a detector that remembers has its own way with them.

    Returns:
        The finite rows, still in order, and the mask bool[n] of where they stood.

    Raises:
        TrainingRefused: More than 20 % of them are not.
    """
    holes = np.logical_or.reduce(~np.isfinite(rows), axis=2)  # [n, tags]
    whole: NDArray[np.bool_] = ~np.logical_or.reduce(holes, axis=1)
    missing = 1.0 - float(whole.mean()) if len(rows) else 0.0
    if missing > NOTED_MISSING:
        worst = [f"{tags[tag]} {holes[:, tag].mean():.0%}" for tag in np.argsort(-holes.mean(axis=0))[:3]]
        said = f"{missing:.1%} of the rows have a tag without a value (most: {', '.join(worst)})"
        if missing > MAX_MISSING:
            raise TrainingRefused(
                "missing",
                f"{missing:.1%}",
                f"{said}; at most {MAX_MISSING:.0%} may",
                "leave these tags out, or record again",
            )
        warnings.append(said + " and were left out" if left_out else said)
    return rows[whole], whole


def judge(rows: NDArray[np.float64], tags: Sequence[str], features: Sequence[str], embargo: int) -> list[str]:
    """What is doubtful about finite rows float64[n, tags, features] in time order.

    Returns:
        Sentences: constant tags, fewer rows than columns, drift.

    Raises:
        TrainingRefused: Fewer rows than a limit can be calibrated on.
    """
    n, least = len(rows), least_rows(embargo)
    if n < least:
        raise TrainingRefused(
            "rows",
            n,
            f"at least {least} windows are needed to calibrate a limit",
            "record longer, or use shorter windows",
        )
    flat = rows.reshape(n, -1)
    warnings = []
    varies = np.ptp(rows, axis=0) > 0  # [tags, features]
    constant = [tag for tag, varying in zip(tags, varies.any(axis=1), strict=True) if not varying]
    if constant:
        warnings.append(f"constant all the time: {', '.join(constant)}; a change by 1 % will count as one deviation")
    if n < flat.shape[1]:
        warnings.append(f"{n} rows for {flat.shape[1]} columns: the covariance is mostly shrinkage; record longer")
    drift = _drift(flat)
    # The least-squares slope of n independent rows of unit variance, times their span, scatters by sqrt(12 / n).
    # Overlapping windows are not independent; four of those is what chance may show among hundreds of columns.
    limit = max(MAX_DRIFT, 4.0 * math.sqrt(12.0 * max(1, embargo) / n))
    column = int(np.argmax(np.abs(drift)))
    if abs(drift[column]) > limit:
        tag, feature = divmod(column, len(features))
        warnings.append(
            f"{tags[tag]} ({features[feature]}) drifts by {drift[column]:+.1f} standard deviations over the recording: "
            "the plant had not settled, so expect false alarms; record a settled stretch"
        )
    return warnings


def _drift(flat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear change from first to last row in standard deviations, per column; 0 for constant columns."""
    time = np.linspace(-0.5, 0.5, len(flat))
    spread = flat.std(axis=0)
    change = time @ (flat - flat.mean(axis=0)) / (time @ time)
    drift: NDArray[np.float64] = np.divide(change, spread, out=np.zeros_like(change), where=spread > 0)
    return drift
