"""The summary operator: scored windows in, compact records out."""

from __future__ import annotations

from collections.abc import Iterable

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream

from cloud_sink.records import OtherScore, WindowSummary
from flows.blocks import ScoredBlock


@operator
def summarize(step_id: str, up: KeyedStream[ScoredBlock]) -> KeyedStream[WindowSummary]:  # noqa: ARG001
    """One summary per window: features and coverage of all tags, and the score of every model.

    Args:
        step_id: Short stable word.
        up: Scored windows keyed by asset.
    """

    def shim_mapper(items: list[tuple[str, ScoredBlock]]) -> Iterable[tuple[str, WindowSummary]]:
        return [(key, summary) for key, block in items for summary in summaries_of(block)]

    return op.flat_map_batch("summaries", up, shim_mapper)


def summaries_of(block: ScoredBlock) -> list[WindowSummary]:
    """The records of a block, window by window. Pure."""
    with np.errstate(over="ignore"):  # beyond float32: infinite
        values = block.values.astype(np.float32)
    first = next(iter(block.active), None)
    others = [verdict for verdict in block.verdicts if verdict is not first]
    threshold = 1.0 if first else float("nan")  # scores are in units of their threshold
    score, model = block.score, block.model
    return [
        WindowSummary(
            asset=block.asset,
            start=int(block.start[row]),
            end=int(block.end[row]),
            tags=block.tags.names,
            features=block.features,
            n=block.n[row],
            n_bad=block.n_bad[row],
            coverage=block.coverage[row],
            values=values[row],
            score=float(score[row]),
            threshold=threshold,
            model=model,
            partial=block.partial,
            backfilled=block.backfilled,
            others=tuple(OtherScore(one.model, float(one.score[row]), one.shadow) for one in others),
            sketches=block.sketches[row] if block.sketches else None,
        )
        for row in range(len(block))
    ]
