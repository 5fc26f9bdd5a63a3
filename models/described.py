"""What a bundle says of the rows that its model was made from."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version as version_of

from models.feature_rows import FeatureRows
from models.manifest import SCHEMA, THRESHOLD, Calibration, FeatureSetId, Manifest, fingerprint_of
from models.state import StatePort


def manifest_of(
    kept: FeatureRows,
    *,
    name: str,
    version: str,
    detector: str,
    calibration: Calibration,
    counter: int,
    warnings: tuple[str, ...],
    libraries: Sequence[str],
    state: tuple[StatePort, ...] = (),
    warm_up: int = 0,
) -> Manifest:
    """The manifest of a model, all but the files of its bundle.

    Args:
        kept: Rows it was fitted or calibrated on.
        name: Of the model.
        version: Of the model.
        detector: Kind of model, for people.
        calibration: Where the limit came from.
        counter: Grows with every version of the model of this name.
        warnings: Sentences.
        libraries: That took part; their versions are noted.
        state: Ports of a model that remembers.
        warm_up: First rows of an asset that get no score.

    Raises:
        ValueError: A value that no manifest can have.
    """
    return Manifest(
        schema=SCHEMA,
        name=name,
        version=version,
        detector=detector,
        tags=kept.tags,
        units=kept.units,
        features=kept.features,
        feature_set=FeatureSetId(kept.feature_set.name, kept.feature_set.version, kept.feature_set.hash),
        window_length_ns=kept.window_length_ns,
        window_every_ns=kept.window_every_ns,
        threshold=THRESHOLD,
        calibration=calibration,
        min_coverage=kept.min_coverage,
        state=state,
        warm_up=warm_up,
        fingerprint=fingerprint_of(kept.values, kept.tags, kept.features),
        counter=counter,
        trained_from_ns=int(kept.starts[0]),
        trained_to_ns=int(kept.starts[-1]) + kept.window_length_ns,
        rows=len(kept),
        warnings=warnings,
        libraries={library: version_of(library) for library in libraries},
    )
