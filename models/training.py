"""From rows of normal operation to a bundle that was proven before it was written."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.baseline import baseline_of
from models.bundle import Bundle, Golden, write_bundle
from models.calibrate import calibrate, doubts
from models.card import write_card
from models.detectors.mahalanobis import MahalanobisDetector
from models.errors import RowsRefused, TrainingRefused
from models.features import FeatureSet
from models.manifest import SCHEMA, THRESHOLD, Calibration, FeatureSetId, Manifest, fingerprint_of
from models.onnx_export import export_mahalanobis
from models.onnx_scorer import OnnxScorer
from models.training_rows import judge, whole_rows

MAX_DIFFERENCE = 1e-5  # relative, between the reference and the exported graph
PROVEN_OFFSET = 1e7  # standard deviations up to which they must agree
MAX_FALSE_ALARMS = 0.2  # share of the hold-out above the threshold
GOLDEN_ROWS = 16


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """Scores of the hold-out: rows of normal operation, later than all that was fitted or calibrated on.

    Attributes:
        rows: Number of them.
        median: Of the scores.
        p99: Of the scores.
        largest: Of the scores.
        above: Share above the threshold.
    """

    rows: int
    median: float
    p99: float
    largest: float
    above: float


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What came out of `train`.

    Attributes:
        bundle: Folder that was written.
        model: "name@version".
        rows: Windows fitted and calibrated on.
        skipped: Windows left out because a tag had no value.
        holdout: Scores of the hold-out.
        calibration: The limit and what can be said about false alarms.
        max_relative_difference: Between scikit-learn and ONNX Runtime on the hold-out, offsets of 1e7 included.
        seconds: The whole of it took.
        warnings: Sentences for whoever will rely on the model.
    """

    bundle: Path
    model: str
    rows: int
    skipped: int
    holdout: ScoreSummary
    calibration: Calibration
    max_relative_difference: float
    seconds: float
    warnings: tuple[str, ...]


def train(
    rows: NDArray[np.float64],
    *,
    tags: Sequence[str],
    units: Sequence[str],
    feature_set: FeatureSet,
    window_length_ns: int,
    window_every_ns: int,
    starts: NDArray[np.int64],
    name: str,
    version: str,
    out: Path,
    counter: int = 0,
    min_coverage: float = 0.8,
    budget_per_day: float = 1.0,
    margin: float = 1.5,
    holdout: float = 0.2,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> TrainingReport:
    """Fit, calibrate, export, prove, write, load again.

    The last part of the rows is kept back: nothing is fitted or calibrated on it, and the model is not fitted again
    with it afterwards, so what the report says about it is about the model in the bundle. The same arguments give the
    same files, byte for byte, with the same libraries.

    Args:
        rows: float64[n, tags, features] of normal operation in time order, one per window, from the feature set.
        tags: Names, in the order of the rows.
        units: Engineering unit of each tag.
        feature_set: What the rows were made with.
        window_length_ns: Length of a window.
        window_every_ns: From the start of one window to the next.
        starts: int64[n], start of each row's window, event time, ns since the epoch; never falling. Rows of several
            assets of one kind may be mixed: they then share starts.
        name: Of the model.
        version: Of the model.
        out: Folder of the bundle, to be made.
        counter: Grows with every version of the model of this name.
        min_coverage: Smallest share of expected good samples per tag with which the model may judge, 0..1.
        budget_per_day: False-alarm episodes a day that are acceptable.
        margin: Factor on the largest held-out score where the rows cannot carry the budget.
        holdout: Share of the rows kept back, at their end.
        seed: Of the draw of golden rows from the hold-out.
        clock: Seconds.

    Raises:
        TrainingRefused: The rows cannot carry a model, or the exported one is not the fitted one.
        BundleRejected: There is something at `out` already.
        RowsRefused: `rows` has another shape.
    """
    began = clock()
    features = feature_set.features
    if rows.ndim != 3 or rows.shape[1:] != (len(tags), len(features)):
        raise RowsRefused(name, rows.shape, (len(tags), len(features)))
    if starts.shape != (len(rows),):
        key, rule = "starts", f"must hold the start of each of the {len(rows)} rows"
        raise TrainingRefused(key, starts.shape, rule, "Pass what feature_rows gave.")
    warnings: list[str] = []
    whole, mask = whole_rows(rows, tags, warnings)
    together = int(np.unique(starts, return_counts=True)[1].max(initial=1))  # assets that share a window's time
    embargo = math.ceil(window_length_ns / window_every_ns) * together
    split = len(whole) - max(1, round(holdout * len(whole)))
    kept, later = whole[: max(0, split - embargo)], whole[split:]
    warnings += judge(kept, tags, features, embargo)

    fitted_on = kept.reshape(len(kept), -1)
    spreads = tuple(at for at, feature in enumerate(feature_set.members) if feature.spread)
    detector = MahalanobisDetector(features_per_tag=len(features), log_features=spreads)
    calibration = calibrate(
        detector,
        fitted_on,
        every_ns=window_every_ns,
        embargo=embargo,
        budget_per_day=budget_per_day,
        margin=margin,
    )
    warnings += doubts(calibration)
    detector.fit(fitted_on).set_params(limit=calibration.limit)
    summary = _judge_holdout(detector, later, warnings)

    used = starts[mask][: len(kept)]
    manifest = Manifest(
        schema=SCHEMA,
        name=name,
        version=version,
        detector="mahalanobis",
        tags=tuple(tags),
        units=tuple(units),
        features=features,
        feature_set=FeatureSetId(feature_set.name, feature_set.version, feature_set.hash),
        window_length_ns=window_length_ns,
        window_every_ns=window_every_ns,
        threshold=THRESHOLD,
        calibration=calibration,
        min_coverage=min_coverage,
        state=(),
        warm_up=0,
        fingerprint=fingerprint_of(kept, tags, features),
        counter=counter,
        trained_from_ns=int(used[0]),
        trained_to_ns=int(used[-1]) + window_length_ns,
        rows=len(kept),
        warnings=tuple(warnings),
        libraries={library: version_of(library) for library in ("numpy", "onnx", "onnxruntime", "scikit-learn")},
    )
    model = export_mahalanobis(detector, name=name, version=version, tags=tags, features=features)
    golden = _golden(detector, later, seed)
    baseline = baseline_of(kept, detector.anomaly_score(later.reshape(len(later), -1)))
    card = write_card(manifest, summary.above, summary.largest, summary.rows)
    bundle = Bundle(manifest, model, golden, baseline, card)
    difference = prove(detector, OnnxScorer(bundle), later)
    write_bundle(out, bundle)
    OnnxScorer.load(out)  # read back from disk, through every check a gateway makes
    return TrainingReport(
        bundle=out,
        model=manifest.model,
        rows=len(kept),
        skipped=len(rows) - len(whole),
        holdout=summary,
        calibration=calibration,
        max_relative_difference=difference,
        seconds=clock() - began,
        warnings=tuple(warnings),
    )


def prove(detector: MahalanobisDetector, scorer: OnnxScorer, rows: NDArray[np.float64]) -> float:
    """Largest relative difference between the fitted detector and the graph that was made of it.

    Compared on the rows as they are, with each column in turn moved by 1e7 standard deviations, and with all of them.

    Args:
        detector: The reference.
        scorer: The same, exported.
        rows: float64[n, tags, features].

    Raises:
        TrainingRefused: It is above 1e-5.
    """
    flat = rows.reshape(len(rows), -1)
    away = PROVEN_OFFSET * detector.scale_
    moved = np.concatenate([flat, flat + away, flat - away, flat[-1] + np.diag(away), flat[-1] - np.diag(away)])
    want, got = detector.anomaly_score(moved), scorer.score(moved.reshape(-1, *rows.shape[1:])).score
    difference = float(np.max(np.abs(got - want) / np.maximum(np.abs(want), 1e-9)))
    if not difference <= MAX_DIFFERENCE:
        raise TrainingRefused(
            "difference",
            f"{difference:.1e}",
            f"reference and ONNX Runtime must agree within {MAX_DIFFERENCE:g} (relative)",
            "report it with the recording: the export is wrong, or a column is too large for float64",
        )
    return difference


def _judge_holdout(detector: MahalanobisDetector, later: NDArray[np.float64], warnings: list[str]) -> ScoreSummary:
    score = detector.anomaly_score(later.reshape(len(later), -1))
    above = float(np.mean(score > THRESHOLD))
    said = f"{above:.1%} of the {len(score)} hold-out windows score above the threshold"
    if above > MAX_FALSE_ALARMS:
        raise TrainingRefused(
            "holdout",
            f"{above:.1%}",
            f"{said}, at most {MAX_FALSE_ALARMS:.0%} may: the end of the recording is not like its beginning",
            "record longer, or leave out the time in which the plant was still changing",
        )
    if above > 0:
        warnings.append(said)
    return ScoreSummary(
        rows=len(score),
        median=float(np.median(score)),
        p99=float(np.quantile(score, 0.99)),
        largest=float(score.max()),
        above=above,
    )


def _golden(detector: MahalanobisDetector, later: NDArray[np.float64], seed: int) -> Golden:
    """Some rows of the hold-out, and the same far away, so that a graph that says "normal" to everything fails."""
    chosen = np.random.default_rng(seed).choice(len(later), min(GOLDEN_ROWS, len(later)), replace=False)
    near = later[np.sort(chosen)].reshape(len(chosen), -1)
    flat = np.concatenate([near, near + 100.0 * detector.scale_])
    return Golden(flat.reshape(-1, *later.shape[1:]), detector.anomaly_score(flat))
