"""What a model sees of featurized windows: training and serving both pick their rows here. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.blocks import FeatureBlock


def rows_for(
    block: FeatureBlock, tags: tuple[str, ...], features: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """What a model sees of one block; see `rows_of`."""
    return rows_of([block], tags, features)


def rows_of(
    blocks: Sequence[FeatureBlock], tags: tuple[str, ...], features: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """What a model sees of blocks, one after the other. Assets of one kind, with the same tags, are taken together.

    Args:
        blocks: At least one.
        tags: The model's, in its order.
        features: The model's, in its order.

    Returns:
        Rows float64[w, tags, features], NaN for what the asset does not have; and the coverage float32[w, tags] of
        each tag: where no interval is known 1 if it has samples, or a value in force and with it every feature that
        is wanted, else 0; 0 if it does not exist.

    Raises:
        KeyError: The feature set does not compute a feature that the model wants.
    """
    picked = []
    for (names, have), alike in groupby(blocks, key=lambda block: (block.tags.names, block.features)):
        picked.append(_pick(list(alike), names, have, tags, features))
    if len(picked) == 1:
        return picked[0]
    return np.concatenate([rows for rows, _ in picked]), np.concatenate([covered for _, covered in picked])


def _pick(
    blocks: list[FeatureBlock],
    names: tuple[str, ...],
    have: tuple[str, ...],
    tags: tuple[str, ...],
    features: tuple[str, ...],
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Of blocks of assets that all have the tags `names` and the features `have`."""
    tag_at, tag_known = _positions(names, tags)
    feature_at, feature_known = _positions(have, features)
    if not feature_known.all():
        lacking = [name for name, known in zip(features, feature_known, strict=True) if not known]
        msg = f"asset {blocks[0].asset!r}: the model wants features {lacking}, the flow computes {list(have)}"
        raise KeyError(msg)
    if not names:
        windows = sum(map(len, blocks))
        nothing = np.full((windows, len(tags), len(features)), np.nan)
        return nothing, np.zeros((windows, len(tags)), dtype=np.float32)
    rows = _joined([block.values for block in blocks])[:, tag_at[:, None], feature_at]
    rows[:, ~tag_known] = np.nan
    coverage = _joined([block.coverage for block in blocks])[:, tag_at]
    unjudged = np.isnan(coverage)
    if unjudged.any():
        known = (_joined([block.n for block in blocks]) > 0)[:, tag_at]
        held = [None if block.window is None else block.window.held for block in blocks]
        if any(values is not None for values in held):  # a tag sent on change need not change
            full = [
                np.full(block.n.shape, np.nan) if values is None else values
                for block, values in zip(blocks, held, strict=True)
            ]
            known |= np.isfinite(_joined(full))[:, tag_at] & np.isfinite(rows).all(axis=2)
        coverage = np.where(unjudged, known.astype(np.float32), coverage)
    coverage[:, ~tag_known] = 0.0
    return rows, coverage


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


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
