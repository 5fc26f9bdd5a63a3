"""From raw rows of normal operation to a calibrated stream: fit, limit on unseen rows, and what to doubt about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from models.calibrate import calibrate, doubts
from models.detectors.catalogue import LEAST_WINDOWS
from models.detectors.row_detector import RowDetector
from models.detectors.smoothing import FEATURES, Smoothing
from models.detectors.stream import StreamDetector
from models.detectors.suite import SuiteDetector
from models.errors import TrainingRefused
from models.manifest import Calibration
from models.training_rows import ENOUGH_ROWS, judge, whole_rows


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
    smooth = smoothing or Smoothing()
    least = LEAST_WINDOWS * smooth.window
    if len(rows) < least:
        rule = f"at least {LEAST_WINDOWS} windows of {smooth.window} rows are needed to judge a limit on unseen rows"
        raise TrainingRefused("rows", len(rows), rule, f"record {least} rows; {ENOUGH_ROWS} are better")
    said: list[str] = []
    if len(rows) < ENOUGH_ROWS:
        said.append(
            f"{len(rows)} rows; from {ENOUGH_ROWS} on the limit has held on a plant that was warming up, on fewer it "
            "has not: expect false alarms until more is recorded"
        )
    smoothed = smooth.smooth(rows, smooth.bounds(rows))[smooth.memory :]
    whole, _ = whole_rows(smoothed.reshape(len(smoothed), len(tags), len(FEATURES)), tags, said)
    said += judge(whole, tags, FEATURES, smooth.memory)
    kind = detector if detector is not None else SuiteDetector()
    calibration = calibrate(
        clone(kind),
        whole.reshape(len(whole), -1),
        every_ns=every_ns,
        embargo=smooth.memory,
        budget_per_day=budget_per_day,
        margin=margin,
    )
    stream = StreamDetector(kind, smooth, follow_rows=follow_rows, gate=1.0).fit(rows)
    stream.detector_.set_params(limit=calibration.limit)
    return CalibratedStream(stream, calibration, (*said, *doubts(calibration)))
