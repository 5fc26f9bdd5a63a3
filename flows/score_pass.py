"""One pass for one model: rows of many assets in, a score and a reason for each out. Pure but for the scorer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flows.model_rows import usable
from flows.score_memory import ScoreMemory
from models.errors import ScoringFailed
from models.scores import Scorer
from models.served import Why

MOST_ROWS = 1000
"""In a call. A pass that is live has fewer; one of a backlog may have many, and a time budget is for a call."""


@dataclass(slots=True, eq=False, kw_only=True)
class Rows:
    """What a pass brings for one model, row by row; of one asset in order of arrival.

    Attributes:
        assets: Whose they are, one name per row.
        values: float64[n, tags, features].
        coverage: float32[n, tags].
        start: int64[n], of their windows, event time, ns.
        whole: bool[n], windows of now that hold all their samples: neither cut short nor filled from a history.
    """

    assets: list[str]
    values: NDArray[np.float64]
    coverage: NDArray[np.float32]
    start: NDArray[np.int64]
    whole: NDArray[np.bool_]


@dataclass(slots=True, eq=False)
class Judged:
    """What became of them.

    Attributes:
        score: float64[n], NaN = none.
        why: uint8[n], a `Why` each.
        contributions: float64[n, tags].
        begun: Rows with which an asset began, or began again.
        failure: The call that gave no scores; None = none did.
    """

    score: NDArray[np.float64]
    why: NDArray[np.uint8]
    contributions: NDArray[np.float64]
    begun: NDArray[np.int64]
    failure: ScoringFailed | None = None


def nothing(n: int, tags: int, why: Why) -> Judged:
    """Of n rows that are not judged at all."""
    reasons = np.full(n, why, dtype=np.uint8)
    return Judged(np.full(n, np.nan), reasons, np.full((n, tags), np.nan), np.empty(0, dtype=np.int64))


def judge_rows(scorer: Scorer, rows: Rows) -> Judged:
    """By a stateless model, all in one call, or in a few where a backlog is worked off."""
    judged = nothing(len(rows.start), len(scorer.tags), Why.QUALITY)
    fit = np.flatnonzero(usable(rows.values, rows.coverage, scorer.min_coverage))
    for at in range(0, len(fit), MOST_ROWS):
        piece = fit[at : at + MOST_ROWS]
        try:
            scores = scorer.score(rows.values if len(piece) == len(rows.start) else rows.values[piece])
        except ScoringFailed as failure:
            judged.why[fit[at:]], judged.failure = Why.FAILED, failure
            break
        judged.score[piece], judged.contributions[piece] = scores.score, scores.contributions
        judged.why[piece] = np.where(np.isfinite(scores.score), Why.JUDGED, Why.NO_NUMBER)
    judged.score[judged.why == Why.NO_NUMBER] = np.nan
    return judged


def follow_rows(scorer: Scorer, rows: Rows, memory: ScoreMemory) -> Judged:
    """By a stateful model: one call for the first row of every asset, one for the second of those that have one, ...

    A tag that is covered too little is missing (NaN): the model's own hold decides what to make of that. An asset
    begins again after a pause longer than the model's warm-up, for what it remembers is then of another time, and where
    time went back, for a clock was set.
    """
    judged = nothing(len(rows.start), len(scorer.tags), Why.NOT_FED)
    fed = np.flatnonzero(rows.whole)
    if not len(fed):
        return judged
    values = rows.values[fed]
    holes = (rows.coverage[fed] < np.float32(scorer.min_coverage)) | ~np.isfinite(values).all(axis=2)
    values[holes] = np.nan
    places = memory.places([rows.assets[row] for row in fed])
    turn, fresh = _turns(places, rows.start[fed], memory, (scorer.warm_up + 1) * scorer.every_ns)
    for number in range(int(turn.max()) + 1):
        now = np.flatnonzero(turn == number) if len(turn) > 1 else np.zeros(1, dtype=np.int64)
        here = places[now]
        memory.begin_again(here[fresh[now]])
        try:
            scores = scorer.score(values[now], memory.take(here))
        except ScoringFailed as failure:
            judged.why[fed[turn >= number]], judged.failure = Why.FAILED, failure
            break
        memory.put(here, scores.state)
        memory.seen[here] += 1
        memory.whole[here] = np.where(holes[now].any(axis=1), 0, memory.whole[here] + 1)
        memory.last[here] = rows.start[fed[now]]
        into = fed[now]
        judged.score[into], judged.contributions[into] = scores.score, scores.contributions
        judged.why[into] = _reasons(scores.score, memory, here, scorer.warm_up)
    judged.score[judged.why != Why.JUDGED] = np.nan
    judged.begun = fed[fresh & (judged.why[fed] != Why.FAILED)]
    return judged


def _turns(
    places: NDArray[np.int64], start: NDArray[np.int64], memory: ScoreMemory, longest_ns: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Which row of its asset each one is, and whether the asset begins (again) with it."""
    order = np.argsort(places, kind="stable")
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = places[order][1:] != places[order][:-1]
    before = np.empty(len(order), dtype=np.int64)
    before[1:] = start[order][:-1]
    before[first] = memory.last[places[order][first]]
    since = start[order] - before
    begins = (since <= 0) | ((since > longest_ns) if longest_ns else False)
    begins[first] |= memory.seen[places[order][first]] == 0
    turn, fresh = np.empty_like(order), np.empty(len(order), dtype=np.bool_)
    turn[order] = np.arange(len(order)) - np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    fresh[order] = begins
    return turn, fresh


def _reasons(
    score: NDArray[np.float64], memory: ScoreMemory, places: NDArray[np.int64], warm_up: int
) -> NDArray[np.uint8]:
    """NaN is as it should be while the model warms up, and as long as it remembers a hole."""
    remembered = memory.whole[places] <= warm_up
    missing = np.where(remembered, Why.QUALITY, Why.NO_NUMBER)
    missing = np.where(memory.seen[places] <= warm_up, Why.WARMING_UP, missing)
    found: NDArray[np.uint8] = np.where(np.isfinite(score), Why.JUDGED, missing).astype(np.uint8)
    return found
