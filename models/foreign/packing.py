"""From a calibrated model of somebody else's to a bundle that was proven before it was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.baseline import baseline_of
from models.bundle import PICTURES, Bundle, Golden, write_bundle
from models.card import write_card
from models.described import manifest_of
from models.errors import BundleRejected, ImportRefused
from models.feature_rows import LEVELS, FeatureRows
from models.foreign.read import Foreign
from models.foreign.running import far_from
from models.foreign.wrap import Scale, wrap
from models.holdout import ScoreSummary
from models.manifest import Calibration
from models.onnx_scorer import OnnxScorer
from models.packing import Packed
from models.pictures import picture_of_baseline, picture_of_scores, picture_of_shares
from models.proof import MAX_DIFFERENCE

RECONSTRUCTION, SCORE = "onnx-reconstruction", "onnx-score"
_SMALLEST = 1e-2  # of the limit: a score below it is rounding as much as anything
_GOLDEN = 16


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Imported:
    """A model with its limit, and the rows it came from.

    Attributes:
        foreign: The model.
        scale: Its limit, and what its columns are like.
        one_by_one: It must be called with one row at a time.
        calibration: Where the limit came from.
        kept: Rows it was found on.
        later: Rows kept back.
        kept_scores: float64[kept].
        later_scores: float64[later].
        summary: Of the rows kept back.
        warnings: Sentences.
        why: Where it came from, for the card.
    """

    foreign: Foreign
    scale: Scale
    one_by_one: bool
    calibration: Calibration
    kept: FeatureRows
    later: FeatureRows
    kept_scores: NDArray[np.float64]
    later_scores: NDArray[np.float64]
    summary: ScoreSummary
    warnings: tuple[str, ...]
    why: str


def pack(
    imported: Imported,
    reference: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    out: Path,
    *,
    name: str,
    version: str,
    counter: int,
) -> Packed:
    """Wrap, prove, write, load again.

    Args:
        imported: The model.
        reference: Scores of rows float64[n, columns], made of what the model itself gives.
        out: Folder of the bundle, to be made.
        name: Of the model.
        version: Of the model.
        counter: Grows with every version of the model of this name.

    Raises:
        ImportRefused: The bundle does not score as the model does.
        BundleRejected: There is something at `out` already.
    """
    kept, later, foreign = imported.kept, imported.later, imported.foreign
    model = wrap(
        foreign,
        imported.scale,
        one_by_one=imported.one_by_one,
        name=name,
        version=version,
        tags=kept.tags,
        features=kept.features,
    )
    manifest = manifest_of(
        kept,
        name=name,
        version=version,
        detector=RECONSTRUCTION if foreign.reconstructs else SCORE,
        calibration=imported.calibration,
        counter=counter,
        warnings=imported.warnings,
        libraries=("numpy", "onnx", "onnxruntime"),
    )
    proven = np.concatenate([later.flat, far_from(kept.flat, imported.scale)])
    want = reference(proven)
    baseline = baseline_of(kept.values, imported.later_scores)
    golden = _golden(proven, want, len(later), kept)
    bundle = Bundle(manifest, model, golden, baseline, write_card(manifest, imported.summary, imported.why))
    try:
        scorer = OnnxScorer(bundle)
    except BundleRejected as refused:
        fix = "where scores hang on rounding, export it with float64 input, and subtract the mean first"
        raise ImportRefused("bundle", f"{name}@{version}", refused.rule, fix) from refused
    difference = _prove(scorer, proven, want)
    pictures = _pictures(imported, scorer)
    bundle = Bundle(manifest, model, golden, baseline, bundle.card, pictures)
    written = write_bundle(out, bundle)
    OnnxScorer.load(out)  # read back from disk, through every check a gateway makes
    return Packed(out, written, difference)


def _golden(flat: NDArray[np.float64], score: NDArray[np.float64], near: int, kept: FeatureRows) -> Golden:
    """Some of the rows kept back and all far ones; without scores that are only rounding."""
    chosen = np.concatenate([np.linspace(0, near - 1, min(_GOLDEN, near)).astype(np.int64), np.arange(near, len(flat))])
    chosen = chosen[(np.abs(score[chosen]) > _SMALLEST) & np.isfinite(score[chosen])]
    return Golden(flat[chosen].reshape(-1, *kept.values.shape[1:]), score[chosen])


def _prove(scorer: OnnxScorer, flat: NDArray[np.float64], want: NDArray[np.float64]) -> float:
    got = scorer.score(flat.reshape(-1, len(scorer.tags), len(scorer.features))).score
    apart = np.abs(got - want) / np.maximum(np.abs(want), _SMALLEST)
    difference = float(np.max(np.where(np.isfinite(want) | np.isfinite(got), apart, 0.0)))
    if not difference <= MAX_DIFFERENCE:
        rule = f"the model and the bundle made of it must agree within {MAX_DIFFERENCE:g} (relative)"
        raise ImportRefused("difference", f"{difference:.1e}", rule, "report it with the model")
    return difference


def _pictures(imported: Imported, scorer: OnnxScorer) -> dict[str, str]:
    kept, later = imported.kept, imported.later
    shares = np.nanmean(scorer.score(later.values).contributions, axis=0)
    at = next((kept.features.index(name) for name in LEVELS if name in kept.features), 0)
    edges = baseline_of(kept.values[:, :, at : at + 1], imported.later_scores).edges[:, 0]
    made = (
        picture_of_scores(imported.kept_scores, imported.later_scores),
        picture_of_shares(kept.tags, shares),
        picture_of_baseline(kept.tags, edges, later.values[:, :, at], kept.units),
    )
    return dict(zip(PICTURES, made, strict=True))
