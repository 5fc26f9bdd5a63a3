"""From raw rows of normal operation to a calibrated stream: fit, limit on unseen rows, and what to doubt about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detectors.row_detector import RowDetector
from models.detectors.smoothing import Smoothing
from models.detectors.stream import StreamDetector
from models.feature_rows import FeatureRows
from models.fitting import Options, fit_calibrated
from models.manifest import Calibration
from models.training_rows import whole_rows


@dataclass(frozen=True, slots=True, eq=False)
class CalibratedStream:
    """What came out.

    Attributes:
        detector: Fitted; score 1.0 is the limit, and its centre stays from there on.
        calibration: Where the limit came from.
        doubts: Sentences for whoever will rely on it.
    """

    detector: StreamDetector
    calibration: Calibration
    doubts: tuple[str, ...]


def fit_stream(
    rows: NDArray[np.float64],
    tags: tuple[str, ...],
    *,
    every_ns: int,
    budget_per_day: float = 1.0,
    margin: float = 1.5,
    follow_rows: float | None = None,
    detector: RowDetector | None = None,
    smoothing: Smoothing | None = None,
) -> CalibratedStream:
    """Fit a detector on smoothed rows and give it the limit that keeps a budget of false-alarm episodes a day.

    The limit is that of a centre that stays, whatever `follow_rows`: a centre that follows only makes normal rows score
    less.

    Args:
        rows: float64[n, tags] in time order, NaN = missing.
        tags: Names.
        every_ns: Time from one row to the next.
        budget_per_day: False-alarm episodes a day that are acceptable.
        margin: Largest factor on the largest held-out score where the rows cannot carry the budget.
        follow_rows: See `StreamDetector`.
        detector: Of smoothed rows; None = `SuiteDetector`. Not touched.
        smoothing: None = `Smoothing()`.

    Raises:
        TrainingRefused: Fewer than 20 windows of rows, or a fifth of them without a tag.
    """
    given = FeatureRows.from_array(rows, tags=tags, every_s=every_ns / 1e9)
    said: list[str] = []
    whole_rows(given.values, tags, said, left_out=False)
    stream = StreamDetector(detector, smoothing, follow_rows=follow_rows, gate=1.0)
    calibration, doubtful = fit_calibrated(stream, given, Options(budget_per_day=budget_per_day, margin=margin))
    return CalibratedStream(stream, calibration, (*said, *doubtful))
