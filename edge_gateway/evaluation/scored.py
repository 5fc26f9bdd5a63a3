"""Scores of a recording, by the very code that scores in a gateway, or by a detector fitted on its first part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from edge_gateway.recordings import RecordingRefused
from flows.score_memory import ScoreMemory
from flows.score_pass import Rows, follow_rows, judge_rows
from flows.window_settings import WindowSettings
from models.feature_rows import FeatureRows
from models.features import SETS, FeatureSet
from models.onnx_scorer import OnnxScorer
from models.scores import Scorer


@dataclass(frozen=True, slots=True)
class Judge:
    """What scores the rows of one asset, from its beginning.

    Attributes:
        score: Scores float64[n] of rows; NaN = none.
        warm_up: Rows at the beginning that get none.
        said: What is to be known about it, in sentences.
    """

    score: Callable[[FeatureRows], NDArray[np.float64]]
    warm_up: int
    said: tuple[str, ...] = ()


def bundle_rows(scorer: OnnxScorer, configured: FeatureSet | None) -> tuple[FeatureSet, WindowSettings]:
    """Features and windows that a bundle was trained with.

    Raises:
        RecordingRefused: Its features are of a set that is not here, or not the same.
    """
    wanted, manifest = scorer.manifest.feature_set, scorer.manifest
    known = configured if configured is not None and configured.name == wanted.name else SETS.get(wanted.name)
    if known is None or known.hash != wanted.hash:
        rule = f"was trained with features {wanted.name}@{wanted.version}, which are not here or not the same"
        raise RecordingRefused(f"--bundle: {manifest.model} {rule}; give the gateway's configuration with --config")
    length, every = (timedelta(microseconds=ns / 1000) for ns in (manifest.window_length_ns, manifest.window_every_ns))
    return known, WindowSettings(length, every)


def by_scorer(scorer: Scorer) -> Judge:
    """Score as a gateway does, all rows in order of time; NaN where it abstains, or still warms up."""

    def score(rows: FeatureRows) -> NDArray[np.float64]:
        columns = [rows.features.index(name) for name in scorer.features]
        n = len(rows)
        values = np.ascontiguousarray(rows.values[:, :, columns])
        passed = Rows(
            assets=[str(asset) for asset in rows.assets],
            values=values,
            coverage=np.where(np.isfinite(values).all(axis=2), 1.0, 0.0).astype(np.float32),
            start=rows.starts,
            whole=np.ones(n, dtype=np.bool_),
        )
        judged = follow_rows(scorer, passed, ScoreMemory(scorer.state)) if scorer.state else judge_rows(scorer, passed)
        if judged.failure is not None:
            raise judged.failure
        return judged.score

    return Judge(score, scorer.warm_up)


def by_detector(name: str, training: FeatureRows, budget_per_day: float, *, follow: bool) -> Judge:
    """Fit a detector, as `sluicegate train` does.

    Raises:
        TrainingRefused: The rows cannot carry it.
    """
    from models.detectors.catalogue import FOLLOW_ROWS  # noqa: PLC0415 - scikit-learn, only here
    from models.detectors.raw_rows import RawRowDetector  # noqa: PLC0415
    from models.estimator import AnomalyModel  # noqa: PLC0415

    model = AnomalyModel(name, budget_per_day=budget_per_day, follow_rows=FOLLOW_ROWS if follow else None)
    fitted = model.fit(training).fitted_
    warm_up = fitted.detector.warm_up if isinstance(fitted.detector, RawRowDetector) else 0
    return Judge(model.anomaly_score, warm_up, (f"{fitted.name}: {model.why_}", *fitted.warnings))
