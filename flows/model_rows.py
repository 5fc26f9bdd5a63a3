"""What a model sees of featurized windows: training and serving both pick their rows here. Pure."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from flows.blocks import FeatureBlock


def rows_for(
    block: FeatureBlock, tags: tuple[str, ...], features: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """What a model sees of a block: training and serving both pick their rows here.

    Returns:
        Rows float64[w, tags, features], NaN for what the asset does not have; and the coverage float32[w, tags] of
        each tag: where no interval is known 1 if it has samples, or a value in force and with it every feature that
        is wanted, else 0; 0 if it does not exist.

    Raises:
        KeyError: The feature set does not compute a feature that the model wants.
    """
    tag_at, tag_known = _positions(block.tags.names, tags)
    feature_at, feature_known = _positions(block.features, features)
    if not feature_known.all():
        lacking = [name for name, known in zip(features, feature_known, strict=True) if not known]
        msg = f"asset {block.asset!r}: the model wants features {lacking}, the flow computes {list(block.features)}"
        raise KeyError(msg)
    if not len(block.tags):
        return np.full((len(block), len(tags), len(features)), np.nan), np.zeros(
            (len(block), len(tags)), dtype=np.float32
        )
    rows = block.values[:, tag_at[:, None], feature_at]
    rows[:, ~tag_known] = np.nan
    known = (block.n > 0)[:, tag_at]
    if block.window is not None and block.window.held is not None:  # a tag sent on change need not change
        known |= np.isfinite(block.window.held)[:, tag_at] & np.isfinite(rows).all(axis=2)
    coverage = block.coverage[:, tag_at]
    coverage = np.where(np.isnan(coverage), known.astype(np.float32), coverage)
    coverage[:, ~tag_known] = 0.0
    return rows, coverage


def usable(rows: NDArray[np.float64], coverage: NDArray[np.float32], min_coverage: float) -> NDArray[np.bool_]:
    """Which rows a model may judge: every tag covered well enough and every feature finite."""
    covered = coverage >= np.float32(min_coverage)
    return np.asarray(covered.all(axis=1) & np.isfinite(rows).all(axis=(1, 2)))


@lru_cache(maxsize=1024)
def _positions(have: tuple[str, ...], want: tuple[str, ...]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each wanted name stands (0 where it does not) and whether it does."""
    place = {name: position for position, name in enumerate(have)}
    places = np.array([place.get(name, 0) for name in want], dtype=np.int64)
    return places, np.array([name in place for name in want], dtype=np.bool_)
