"""A bundle of the suite, made by hand of a few hundred rows: what a stateful model needs to be served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.baseline import baseline_of
from models.bundle import Bundle, Golden
from models.detectors.stream import StreamDetector
from models.export.door import export
from models.features import STANDARD
from models.manifest import SCHEMA, THRESHOLD, Calibration, FeatureSetId, Manifest, fingerprint_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.features import FeatureSet

SECOND = 10**9
FEATURE = "mean"


def plant_rows(n: int, tags: int, seed: int = 5) -> NDArray[np.float64]:
    """Rows float64[n, tags] of a plant whose tags follow one load."""
    rng = np.random.default_rng(seed)
    return 20.0 + 0.7 * rng.normal(size=(n, 1)) + rng.normal(size=(n, tags))


def suite_bundle(
    rows: NDArray[np.float64],
    tags: tuple[str, ...],
    *,
    name: str = "suite",
    version: str = "1",
    limit: float = 1.7,
    follow_rows: float | None = 60.0,
    every_ns: int = 10 * SECOND,
    feature_set: FeatureSet = STANDARD,
    min_coverage: float = 0.5,
) -> Bundle:
    """Fitted on rows float64[n, tags]; `limit` is set, not calibrated."""
    stream = StreamDetector(follow_rows=follow_rows).fit(rows)
    stream.detector_.set_params(limit=limit)
    scores = stream.anomaly_score(rows)
    shaped = rows[:, :, None]
    graph = export(stream, name=name, version=version, tags=tags, features=(FEATURE,))
    manifest = Manifest(
        schema=SCHEMA,
        name=name,
        version=version,
        detector="suite",
        tags=tags,
        units=("",) * len(tags),
        features=(FEATURE,),
        feature_set=FeatureSetId(feature_set.name, feature_set.version, feature_set.hash),
        window_length_ns=every_ns,
        window_every_ns=every_ns,
        threshold=THRESHOLD,
        calibration=Calibration(limit, "max_times_margin", 1.5, 4, 20, len(rows), 1.0, 1.0, 1.0, 1.0),
        min_coverage=min_coverage,
        state=graph.state,
        warm_up=graph.warm_up,
        fingerprint=fingerprint_of(shaped, tags, (FEATURE,)),
        counter=1,
        trained_from_ns=0,
        trained_to_ns=len(rows) * every_ns,
        rows=len(rows),
        warnings=(),
        libraries={},
    )
    golden = rows[:60].copy()
    golden[40, 0] = np.nan  # held over
    golden[50:55, -1] += 5.0
    return Bundle(
        manifest, graph.model, Golden(golden[:, :, None], stream.anomaly_score(golden)), baseline_of(shaped, scores), ""
    )
