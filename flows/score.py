"""The score operator: features in, scores out, one model call per pass and model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream
from numpy.typing import NDArray

from flows.blocks import FeatureBlock, ScoredBlock
from models.scores import Scorer

# From an asset to its model; asked once per block, so handing out another scorer swaps the model between two passes.
Scorers = Callable[[str], Scorer | None]


@operator
def score(step_id: str, up: KeyedStream[FeatureBlock], scorers: Scorers) -> KeyedStream[ScoredBlock]:  # noqa: ARG001
    """Score all windows of all assets of a pass.

    A window abstains (score NaN) when a tag that the model wants is missing, is covered less than the model's minimum,
    or has a non-finite feature, and when the model's own result is not finite. Without a model for the asset the
    score is NaN and the model "".

    Args:
        step_id: Short stable word.
        up: Features keyed by asset.
        scorers: Gives the model of an asset; None = there is none. Assets that share a scorer are scored in one call.
    """

    def shim_mapper(items: list[tuple[str, FeatureBlock]]) -> Iterable[tuple[str, ScoredBlock]]:
        blocks = scores_of([block for _, block in items], scorers)
        return [(key, block) for (key, _), block in zip(items, blocks, strict=True)]

    return op.flat_map_batch("model", up, shim_mapper)


def scores_of(blocks: Sequence[FeatureBlock], scorers: Scorers) -> list[ScoredBlock]:
    """Scores of every block, in order. Pure but for the scorer."""
    members: dict[int, tuple[Scorer, list[int]]] = {}
    out: dict[int, ScoredBlock] = {}
    for index, block in enumerate(blocks):
        scorer = scorers(block.asset)
        if scorer is None:
            out[index] = _unscored(block)
        else:
            members.setdefault(id(scorer), (scorer, []))[1].append(index)
    for scorer, indices in members.values():
        out.update(zip(indices, _score_together([blocks[i] for i in indices], scorer), strict=True))
    return [out[index] for index in range(len(blocks))]


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
    return np.array([place.get(name, 0) for name in want]), np.array([name in place for name in want], dtype=np.bool_)


def _score_together(blocks: Sequence[FeatureBlock], scorer: Scorer) -> list[ScoredBlock]:
    picked = [rows_for(block, scorer.tags, scorer.features) for block in blocks]
    rows = np.concatenate([rows for rows, _ in picked])
    coverage = np.concatenate([coverage for _, coverage in picked])
    judged = usable(rows, coverage, scorer.min_coverage)
    rows[~judged] = np.nan  # the model sees nothing of a row it may not judge
    scores = scorer.score(rows)
    score_column = np.where(judged & np.isfinite(scores.score), scores.score, np.nan)
    out, at = [], 0
    for block in blocks:
        span = slice(at, at + len(block))
        out.append(
            _scored(
                block,
                score=score_column[span],
                model=scores.model,
                model_tags=scorer.tags,
                contributions=scores.contributions[span],
                model_coverage=coverage[span],
                min_coverage=scorer.min_coverage,
            )
        )
        at += len(block)
    return out


def _unscored(block: FeatureBlock) -> ScoredBlock:
    nothing = np.empty((len(block), 0))
    return _scored(block, np.full(len(block), np.nan), "", (), nothing, nothing.astype(np.float32), 0.0)


def _scored(
    block: FeatureBlock,
    score: NDArray[np.float64],
    model: str,
    model_tags: tuple[str, ...],
    contributions: NDArray[np.float64],
    model_coverage: NDArray[np.float32],
    min_coverage: float,
) -> ScoredBlock:
    return ScoredBlock(
        tags=block.tags,
        start=block.start,
        end=block.end,
        n=block.n,
        n_bad=block.n_bad,
        coverage=block.coverage,
        decided_received=block.decided_received,
        partial=block.partial,
        backfilled=block.backfilled,
        features=block.features,
        values=block.values,
        window=block.window,
        score=score,
        model=model,
        model_tags=model_tags,
        contributions=contributions,
        model_coverage=model_coverage,
        min_coverage=min_coverage,
    )
