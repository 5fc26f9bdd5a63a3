"""From a calibrated detector to a bundle that was proven before it was written, and loaded after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.baseline import baseline_of
from models.bundle import PICTURES, Bundle, write_bundle
from models.card import write_card
from models.described import manifest_of
from models.export.door import export
from models.feature_rows import LEVELS
from models.fitting import Fitted, shares_of
from models.manifest import Manifest
from models.onnx_scorer import OnnxScorer
from models.pictures import picture_of_baseline, picture_of_scores, picture_of_shares
from models.proof import golden_rows, prove

PICTURED = 2000  # last rows of the hold-out whose blame is averaged
LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn")


@dataclass(frozen=True, slots=True)
class Packed:
    """A bundle on disk.

    Attributes:
        bundle: Its folder.
        manifest: What it says.
        max_relative_difference: Between the reference and ONNX Runtime on the hold-out, offsets of 1e7 included.
    """

    bundle: Path
    manifest: Manifest
    max_relative_difference: float


def pack(fitted: Fitted, why: str, out: Path, *, name: str, version: str, counter: int | None) -> Packed:
    """Export, prove, write, load again. The same arguments give the same bytes, with the same libraries.

    Args:
        fitted: The detector, calibrated.
        why: Why it is this detector, for the card.
        out: Folder of the bundle, to be made, with those above it.
        name: Of the model.
        version: Of the model.
        counter: Grows with every version of the model of this name; None = the end of the rows, in seconds.

    Raises:
        TrainingRefused: The graph is not the detector.
        BundleRejected: There is something at `out` already.
        ValueError: A name that no manifest can have.
    """
    kept = fitted.kept
    end = int(kept.starts[-1]) + kept.window_length_ns
    graph = export(fitted.detector, name=name, version=version, tags=kept.tags, features=kept.features)
    manifest = manifest_of(
        kept,
        name=name,
        version=version,
        detector=fitted.name,
        calibration=fitted.calibration,
        counter=max(0, end // 10**9) if counter is None else counter,
        warnings=fitted.warnings,
        libraries=LIBRARIES,
        state=graph.state,
        warm_up=graph.warm_up,
    )
    pictures = _pictures(fitted)
    bundle = Bundle(
        manifest,
        graph.model,
        golden_rows(fitted),
        baseline_of(kept.values, fitted.later_scores),
        write_card(manifest, fitted.summary, why),
        pictures,
    )
    difference = prove(fitted.detector, OnnxScorer(bundle), fitted.later)
    out.parent.mkdir(parents=True, exist_ok=True)
    written = write_bundle(out, bundle)
    OnnxScorer.load(out)  # read back from disk, through every check a gateway makes
    return Packed(out, written, difference)


def _pictures(fitted: Fitted) -> dict[str, str]:
    kept, later = fitted.kept, fitted.later
    shares = np.nanmean(shares_of(fitted.detector, later[-PICTURED:]), axis=0)
    at = next((kept.features.index(name) for name in LEVELS if name in kept.features), 0)
    edges = baseline_of(kept.values[:, :, at : at + 1], fitted.later_scores).edges[:, 0]
    made = (
        picture_of_scores(fitted.kept_scores, fitted.later_scores),
        picture_of_shares(kept.tags, shares),
        picture_of_baseline(kept.tags, edges, later.values[:, :, at], kept.units),
    )
    return dict(zip(PICTURES, made, strict=True))
