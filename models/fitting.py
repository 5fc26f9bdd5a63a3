"""From rows to a calibrated detector: what is fitted, what is kept back, and what must be doubted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibrate import doubts, limit_of
from models.detectors.catalogue import KINDS, AnyDetector, Kind, Wish
from models.detectors.prepared import PreparedRowDetector
from models.detectors.raw_rows import RawRowDetector
from models.detectors.row_detector import RowDetector
from models.detectors.stream import StreamDetector
from models.errors import TrainingRefused
from models.feature_rows import FeatureRows
from models.held_out import fit_runs, held_out, prepared_rows, run_scores
from models.holdout import ScoreSummary, summary_of
from models.manifest import Calibration
from models.training_rows import BLOCKS, ENOUGH_ROWS, judge, whole_rows

Told = Callable[[str], None]
"""Told what is done next, in a few words."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a detector is fitted and calibrated.

    Attributes:
        budget_per_day: False-alarm episodes of an asset and day that are acceptable.
        margin: Largest factor on the largest held-out score where the rows cannot carry the budget.
        holdout: Share of the rows kept back, at their end: nothing is fitted or calibrated on it.
        follow_rows: Time constant with which the suite's centre follows the plant, rows; None = it stays.
        seed: Of what is drawn by chance.
    """

    budget_per_day: float = 1.0
    margin: float = 1.5
    holdout: float = 0.2
    follow_rows: float | None = Wish().follow_rows
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A calibrated detector and the rows it came from.

    Attributes:
        name: Of the detector, in `KINDS`.
        detector: Score 1.0 is the limit.
        calibration: Where the limit came from.
        kept: What it was fitted and calibrated on; whole rows where it judges each by itself.
        later: The hold-out.
        kept_scores: float64[kept].
        later_scores: float64[later].
        skipped: Rows left out because a tag had no value.
        summary: Of the scores of the hold-out.
        seed: Of what was drawn by chance.
        warnings: Sentences for whoever will rely on it.
    """

    name: str
    detector: AnyDetector
    calibration: Calibration
    kept: FeatureRows
    later: FeatureRows
    kept_scores: NDArray[np.float64]
    later_scores: NDArray[np.float64]
    skipped: int
    summary: ScoreSummary
    seed: int
    warnings: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """Of the detector."""
        return KINDS[self.name]


def fit(name: str, rows: FeatureRows, options: Options, told: Told = lambda _: None) -> Fitted:
    """Fit and calibrate a detector on all but the last part of the rows, and judge that part with it.

    Args:
        name: In `KINDS`.
        rows: Of normal operation.
        options: See there.
        told: Told what is done next.

    Raises:
        TrainingRefused: The rows cannot carry this detector.
    """
    kind = _kind(name)
    warnings: list[str] = []
    seen = rows.level() if kind.stateful else rows
    mask = whole_rows(seen.values, seen.tags, warnings, left_out=not kind.stateful)[1]
    if not kind.stateful:
        seen = seen[mask]
    detector = kind.make(_wish(seen, options))
    split = len(seen) - max(1, round(options.holdout * len(seen)))
    kept, later = seen[: max(0, split - embargo_of(detector, seen))], seen[split:]
    calibration, said = fit_calibrated(detector, kept, options, told)
    warnings += said
    told("judge the hold-out")
    later_scores = scores_of(detector, later)
    summary = summary_of(later_scores, warnings)
    return Fitted(
        name=name,
        detector=detector,
        calibration=calibration,
        kept=kept,
        later=later,
        kept_scores=scores_of(detector, kept),
        later_scores=later_scores,
        skipped=len(rows) - len(seen),
        summary=summary,
        seed=options.seed,
        warnings=tuple(warnings),
    )


def fit_calibrated(
    detector: AnyDetector, rows: FeatureRows, options: Options, told: Told = lambda _: None
) -> tuple[Calibration, list[str]]:
    """Fit a detector on rows and set its limit, found on rows it had not seen when it scored them.

    Args:
        detector: New; fitted in place.
        rows: Of normal operation, whole ones for a detector of rows.
        options: See there; nothing is held out.
        told: Told what is done next.

    Returns:
        Where the limit came from, and what must be doubted, in sentences.

    Raises:
        TrainingRefused: The rows cannot carry this detector.
    """
    embargo = embargo_of(detector, rows)
    doubtful = _suitable(detector, rows, embargo)
    told("calibrate on blocks the detector has not seen")
    heldout = held_out(detector, rows, embargo)
    calibration = limit_of(
        heldout.scores,
        in_sample=heldout.in_sample,
        blocks=BLOCKS,
        every_ns=rows.window_every_ns,
        embargo=embargo,
        budget_per_day=options.budget_per_day,
        margin=options.margin,
    )
    told("fit on all of them")
    if isinstance(detector, RowDetector):
        detector.fit(rows.flat)
    else:
        fit_runs(detector, rows)
    limited = detector.detector_ if isinstance(detector, StreamDetector) else detector
    limited.set_params(limit=calibration.limit)
    return calibration, doubtful + doubts(calibration)


def embargo_of(detector: AnyDetector, rows: FeatureRows) -> int:
    """Rows that must lie between two of them that share neither samples nor what is remembered."""
    memory = detector.memory if isinstance(detector, RawRowDetector) else 0
    return (rows.overlap - 1 + max(1, memory)) * rows.together


def scores_of(detector: AnyDetector, rows: FeatureRows) -> NDArray[np.float64]:
    """Scores float64[n] in the order of the rows; a detector that remembers begins each run afresh."""
    if isinstance(detector, RowDetector):
        return detector.anomaly_score(rows.flat)
    return run_scores(detector, rows)


def shares_of(detector: AnyDetector, rows: FeatureRows) -> NDArray[np.float64]:
    """Contributions float64[n, tags] in the order of the rows, as `scores_of`."""
    if isinstance(detector, RowDetector):
        return detector.contributions(rows.flat)
    shares = np.empty((len(rows), len(rows.tags)))
    for run in rows.runs(detector.warm_up):
        shares[run] = detector.contributions(rows.flat[run])
    return shares


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise TrainingRefused("detector", name, f"must be one of {', '.join(KINDS)}", "Choose one, or leave it out.")
    return KINDS[name]


def _wish(rows: FeatureRows, options: Options) -> Wish:
    spread = {feature.name for feature in rows.feature_set.members if feature.spread}
    spreads = tuple(at for at, feature in enumerate(rows.features) if feature in spread)
    return Wish(len(rows.features), spreads, options.follow_rows, options.seed)


def _suitable(detector: AnyDetector, rows: FeatureRows, embargo: int) -> list[str]:
    """What is doubtful about the rows, in sentences; refuses what cannot be learnt from."""
    said = []
    least = detector.least_rows if isinstance(detector, RawRowDetector) else 0
    if len(rows) < least * rows.together:
        raise TrainingRefused(
            "rows",
            len(rows),
            f"at least {least} windows of each asset are needed to learn and to calibrate a limit",
            f"record longer ({ENOUGH_ROWS} windows are better), use shorter windows, or take another detector",
        )
    if least and len(rows) < ENOUGH_ROWS:
        said.append(
            f"{len(rows)} rows; from {ENOUGH_ROWS} on the limit has held on a plant that was warming up, on fewer it "
            "has not: expect false alarms until more is recorded"
        )
    values, names = rows.values, rows.features
    if isinstance(detector, PreparedRowDetector) and len(rows):
        prepared, _ = prepared_rows(detector, rows)
        values = prepared.reshape(len(prepared), len(rows.tags), -1)
        names = detector.columns
    elif isinstance(detector, RawRowDetector):
        values = values[rows.whole]
    return said + judge(values, rows.tags, names, embargo)
