"""From rows of normal operation to a bundle that was proven before it was written."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.detectors.catalogue import FOLLOW_ROWS
from models.errors import BundleRejected, TrainingRefused
from models.estimator import AUTO, AnomalyModel
from models.feature_rows import FeatureRows
from models.fitting import Told
from models.holdout import ScoreSummary
from models.manifest import NAME_RULE, Calibration, is_name


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What came out of `train`.

    Attributes:
        bundle: Folder that was written.
        model: "name@version".
        detector: Its name.
        why: Why it is this one.
        rows: Windows fitted and calibrated on.
        skipped: Windows left out because a tag had no value.
        holdout: Scores of the hold-out.
        calibration: The limit and what can be said about false alarms.
        max_relative_difference: Between the reference and ONNX Runtime on the hold-out, offsets of 1e7 included.
        seconds: The whole of it took.
        warnings: Sentences for whoever will rely on the model.
    """

    bundle: Path
    model: str
    detector: str
    why: str
    rows: int
    skipped: int
    holdout: ScoreSummary
    calibration: Calibration
    max_relative_difference: float
    seconds: float
    warnings: tuple[str, ...]


def train(
    rows: FeatureRows,
    *,
    name: str,
    version: str,
    out: Path,
    detector: str = AUTO,
    counter: int | None = None,
    budget_per_day: float = 1.0,
    margin: float = 1.5,
    holdout: float = 0.2,
    follow_rows: float | None = FOLLOW_ROWS,
    seed: int = 0,
    told: Told | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> TrainingReport:
    """Fit, calibrate, export, prove, write, load again.

    The last part of the rows is kept back: nothing is fitted or calibrated on it, and the model is not fitted again
    with it afterwards, so what the report says about it is about the model in the bundle. The same arguments give the
    same files, byte for byte, with the same libraries.

    Args:
        rows: Of normal operation.
        name: Of the model.
        version: Of the model.
        out: Folder of the bundle, to be made, with those above it.
        detector: Of `models.detectors.catalogue.KINDS`, or "auto".
        counter: Grows with every version of the model of this name; None = the end of the rows, in seconds.
        budget_per_day: See `AnomalyModel`, also for the next four.
        margin: Largest factor on the largest held-out score where the rows cannot carry the budget.
        holdout: Share of the rows kept back, at their end.
        follow_rows: Time constant of the suite's centre.
        seed: Of what is drawn by chance.
        told: Called with what is done next, in a few words.
        clock: Seconds.

    Raises:
        TrainingRefused: The rows cannot carry a model, the exported one is not the fitted one, or it has no such name.
        BundleRejected: There is something at `out` already.
    """
    began = clock()
    _check_target(name, version, out)
    model = AnomalyModel(
        detector,
        budget_per_day=budget_per_day,
        margin=margin,
        holdout=holdout,
        follow_rows=follow_rows,
        seed=seed,
    ).fit(rows, told=told)
    if told:
        told("prove that the exported graph is the model, and write it")
    packed = model.save(out, name=name, version=version, counter=counter)
    fitted = model.fitted_
    return TrainingReport(
        bundle=out,
        model=packed.manifest.model,
        detector=fitted.name,
        why=model.why_,
        rows=len(fitted.kept),
        skipped=fitted.skipped,
        holdout=fitted.summary,
        calibration=fitted.calibration,
        max_relative_difference=packed.max_relative_difference,
        seconds=clock() - began,
        warnings=fitted.warnings,
    )


def _check_target(name: str, version: str, out: Path) -> None:
    """Before an hour is spent on what cannot be written."""
    for key, value in (("name", name), ("version", version)):
        if not is_name(value):
            raise TrainingRefused(key, repr(value), f"must be {NAME_RULE}", "Give it another, or --out another folder.")
    if out.exists():
        raise BundleRejected(out, "a bundle is never overwritten", "give another folder, or remove this one")
