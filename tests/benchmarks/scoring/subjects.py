"""Every detector that can be exported, fitted on rows of a made-up plant and served as a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.baseline import baseline_of
from models.bundle import Bundle, Golden
from models.detectors.catalogue import KINDS, AnyDetector, Wish
from models.export.door import export
from models.features import STANDARD
from models.manifest import SCHEMA, THRESHOLD, Calibration, FeatureSetId, Manifest, fingerprint_of
from models.onnx_scorer import OnnxScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

TAGS = 8
TRAINING_ROWS = 2000
GOLDEN_ROWS = 70  # about as many as a trained bundle has
MOST_ASSETS = 1000


@dataclass(frozen=True, slots=True)
class Subject:
    """A detector and the same as a graph.

    Attributes:
        name: As in the catalogue.
        detector: Fitted.
        bundle: Made of it.
        scorer: Opened.
        rows: float64[1000, tags, features] of as many assets; raw where it is stateful.
    """

    name: str
    detector: AnyDetector
    bundle: Bundle
    scorer: OnnxScorer
    rows: NDArray[np.float64]

    @property
    def stateful(self) -> bool:
        """It remembers."""
        return bool(self.scorer.state)


def plant(features: int, tags: int = TAGS, seed: int = 0) -> NDArray[np.float64]:
    """Rows float64[n, tags, features]: one load moves all tags."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(TRAINING_ROWS, 1, 1))
    return 20.0 + shared + 0.3 * rng.normal(size=(TRAINING_ROWS, tags, features))


def subject(name: str, tags: int = TAGS) -> Subject:
    """Two features of each tag, or where it is stateful one."""
    kind = KINDS[name]
    features = ("mean",) if kind.stateful else ("mean", "std")
    rows = plant(len(features), tags)
    flat = rows.reshape(len(rows), -1)
    detector = kind.make(Wish(features_per_tag=len(features))).fit(flat)
    names = tuple(f"tag{tag}" for tag in range(tags))
    graph = export(detector, name=name, version="1", tags=names, features=features)
    golden = Golden(rows[:GOLDEN_ROWS], np.asarray(detector.anomaly_score(flat[:GOLDEN_ROWS])))
    manifest = Manifest(
        schema=SCHEMA,
        name=name,
        version="1",
        detector=name,
        tags=names,
        units=("",) * tags,
        features=features,
        feature_set=FeatureSetId(STANDARD.name, STANDARD.version, STANDARD.hash),
        window_length_ns=250_000_000,
        window_every_ns=250_000_000,
        threshold=THRESHOLD,
        calibration=Calibration(1.0, "max_times_margin", 1.5, 4, 20, len(rows), 1.0, 1.0, 1.0, 1.0),
        min_coverage=0.5,
        state=graph.state,
        warm_up=graph.warm_up,
        fingerprint=fingerprint_of(rows, names, features),
        counter=1,
        trained_from_ns=0,
        trained_to_ns=len(rows),
        rows=len(rows),
        warnings=(),
        libraries={},
    )
    bundle = Bundle(manifest, graph.model, golden, baseline_of(rows, _finite(golden.score)), "")
    return Subject(name, detector, bundle, OnnxScorer(bundle), rows[:MOST_ASSETS].copy())


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    return values[np.isfinite(values)]
