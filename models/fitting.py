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
from models.manifest import THRESHOLD, Calibration
from models.training_rows import BLOCKS, ENOUGH_ROWS, judge, whole_rows

MAX_FALSE_ALARMS = 0.2  # share of the hold-out above the threshold

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
    memory = detector.memory if isinstance(detector, RawRowDetector) else 0
    embargo = (seen.overlap + memory) * seen.together
    split = len(seen) - max(1, round(options.holdout * len(seen)))
    kept, later = seen[: max(0, split - embargo)], seen[split:]
    warnings += _suitable(kind, detector, kept, embargo)
    told("calibrate on blocks the detector has not seen")
    heldout = held_out(detector, kept, embargo)
    calibration = limit_of(
        heldout.scores,
        in_sample=heldout.in_sample,
        blocks=BLOCKS,
        every_ns=rows.window_every_ns,
        embargo=embargo,
        budget_per_day=options.budget_per_day,
        margin=options.margin,
    )
    warnings += doubts(calibration)
    told("fit on all of them")
    if isinstance(detector, RowDetector):
        detector.fit(kept.flat)
    else:
        fit_runs(detector, kept)
    limited = detector.detector_ if isinstance(detector, StreamDetector) else detector
    limited.set_params(limit=calibration.limit)
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


def _suitable(kind: Kind, detector: AnyDetector, kept: FeatureRows, embargo: int) -> list[str]:
    """What is doubtful about the rows, in sentences; refuses what cannot be learnt from."""
    said = []
    if len(kept) < kind.least_rows * kept.together:
        raise TrainingRefused(
            "rows",
            len(kept),
            f"at least {kind.least_rows} windows of each asset are needed to learn and to calibrate a limit",
            f"record longer ({ENOUGH_ROWS} windows are better), use shorter windows, or take another detector",
        )
    if kind.least_rows and len(kept) < ENOUGH_ROWS:
        said.append(
            f"{len(kept)} rows; from {ENOUGH_ROWS} on the limit has held on a plant that was warming up, on fewer it "
            "has not: expect false alarms until more is recorded"
        )
    values, names = kept.values, kept.features
    if isinstance(detector, PreparedRowDetector) and len(kept):
        prepared, _ = prepared_rows(detector, kept)
        values = prepared.reshape(len(prepared), len(kept.tags), -1)
        names = detector.columns
    elif kind.stateful:
        values = values[kept.whole]
    return said + judge(values, kept.tags, names, embargo)


def summary_of(scores: NDArray[np.float64], warnings: list[str]) -> ScoreSummary:
    """Of the scores of the hold-out; NaN = none.

    Args:
        scores: float64[n].
        warnings: Sentences are added to it.

    Raises:
        TrainingRefused: Too many of them are above the limit, or none is a number.
    """
    score = scores[np.isfinite(scores)]
    if not len(score):
        rule = "none of the windows kept back has a score: too few, or a tag was missing in all of them"
        raise TrainingRefused("holdout", len(scores), rule, "record longer, or leave that tag out")
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
