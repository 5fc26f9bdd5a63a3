"""The feature operator: closed windows in, their features out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import bytewax.operators as op
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream

from flows.blocks import FeatureBlock
from flows.window_block import WindowBlock, group
from models.features import PIECE, FeatureSet


@operator
def featurize(step_id: str, up: KeyedStream[WindowBlock], feature_set: FeatureSet) -> KeyedStream[FeatureBlock]:  # noqa: ARG001
    """Features of all windows of all assets of a pass, computed together.

    Args:
        step_id: Short stable word.
        up: Closed windows keyed by asset.
        feature_set: The object that the model was trained with.
    """

    def shim_mapper(items: list[tuple[str, WindowBlock]]) -> Iterable[tuple[str, FeatureBlock]]:
        blocks = features_of([block for _, block in items], feature_set)
        return [(key, block) for (key, _), block in zip(items, blocks, strict=True)]

    return op.flat_map_batch("compute", up, shim_mapper)


def features_of(blocks: Sequence[WindowBlock], feature_set: FeatureSet) -> list[FeatureBlock]:
    """Features of every block, in order. Pure.

    Blocks are computed in batches of `PIECE` samples at most: joining a whole pass would send it through memory twice.
    """
    out: list[FeatureBlock] = []
    batch: list[WindowBlock] = []
    size = 0
    for block in blocks:
        if batch and size + len(block.value) > PIECE:
            out += _compute(batch, feature_set)
            batch, size = [], 0
        batch.append(block)
        size += len(block.value)
    return out + _compute(batch, feature_set) if batch else out


def _compute(blocks: list[WindowBlock], feature_set: FeatureSet) -> list[FeatureBlock]:
    grouped = group(blocks)
    values = feature_set.compute(grouped.segments)
    out, at = [], 0
    for block in blocks:
        shape = (len(block), len(block.tags))
        rows = slice(at, at + shape[0] * shape[1])
        out.append(
            FeatureBlock(
                tags=block.tags,
                start=block.start,
                end=block.end,
                n=grouped.n[rows].reshape(shape),
                n_bad=grouped.n_bad[rows].reshape(shape),
                coverage=grouped.coverage[rows].reshape(shape),
                decided_received=block.decided_received,
                partial=block.partial,
                backfilled=block.backfilled,
                features=feature_set.features,
                values=values[rows].reshape(*shape, -1),
                window=block,
            )
        )
        at = rows.stop
    return out
