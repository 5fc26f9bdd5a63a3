"""The feature operator: closed windows in, their features out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import bytewax.operators as op
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream

from flows.blocks import FeatureBlock, WindowBlock
from models.features import PIECE, FeatureSet, join


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

    Blocks are computed in groups of about `PIECE` samples: joining a whole pass would send it through memory twice.
    """
    out: list[FeatureBlock] = []
    group: list[WindowBlock] = []
    size = 0
    for block in blocks:
        group.append(block)
        size += len(block.segments.value)
        if size >= PIECE:
            out += _compute(group, feature_set)
            group, size = [], 0
    return out + _compute(group, feature_set) if group else out


def _compute(group: list[WindowBlock], feature_set: FeatureSet) -> list[FeatureBlock]:
    values = feature_set.compute(join([block.segments for block in group]))
    out, at = [], 0
    for block in group:
        rows = len(block.segments)
        shape = (len(block), len(block.tags), len(feature_set.features))
        out.append(
            FeatureBlock(
                tags=block.tags,
                start=block.start,
                end=block.end,
                n=block.n,
                n_bad=block.n_bad,
                coverage=block.coverage,
                decided_received=block.decided_received,
                partial=block.partial,
                features=feature_set.features,
                values=values[at : at + rows].reshape(shape),
            )
        )
        at += rows
    return out
