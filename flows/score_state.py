"""All models over all assets: which rows go where, what came of them, and what has to be told. Pure but for scorers.

One call of the engine for each model and pass, whatever the number of assets. Nothing a model does ends the flow: a
call that fails or takes too long leaves its rows without a score, and that is told.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cloud_sink.records import Event
from flows.blocks import FeatureBlock, ScoredBlock
from flows.model_rows import rows_of
from flows.notices import model_begins, model_trouble
from flows.score_health import MOST_FAILURES, ScoreHealth
from flows.score_memory import ScoreMemory
from flows.score_pass import Judged, Rows, follow_rows, judge_rows, nothing
from flows.score_snapshot import pack, unpack
from models.scores import Scorer
from models.served import Models, Outcome, Served, Verdict, Why


@dataclass(slots=True)
class _Task:
    """What a pass has for one scorer: numbers of its blocks, and what place it has among the models of each."""

    scorer: Scorer
    posts: list[tuple[int, int, bool]] = field(default_factory=list)


_FOR_GOOD = ("misfit", "refused")  # troubles that no further try can mend


class ScoreState:
    """Scores of featurized windows, pass by pass.

    Kept between passes, and in the snapshot: what stateful models remember of each asset, by "name@version". So a
    version that is swapped in begins, unless it was there already, as a shadow; and what is gone is forgotten.
    """

    def __init__(self, models: Models, clock: Callable[[], float] = time.perf_counter) -> None:
        self._models = models
        self._clock = clock
        self._memories: dict[str, ScoreMemory] = {}
        self._posts: dict[str, Sequence[Served]] = {}  # as they were
        self._followed: dict[str, frozenset[str]] = {}  # models that remember an asset
        self._health: dict[str, tuple[weakref.ref[Scorer], ScoreHealth]] = {}  # by model, of the scorer that serves now

    def push(self, blocks: Sequence[FeatureBlock]) -> list[ScoredBlock | Event]:
        """Score a pass: a scored block for every block, in order, then what is to be told."""
        tasks: dict[str, _Task] = {}
        verdicts: list[list[Verdict | None]] = []
        gone: dict[str, list[str]] = {}
        for number, block in enumerate(blocks):
            served = self._posts_of(block.asset, gone)
            verdicts.append([None] * len(served))
            for place, one in enumerate(served):
                model = one.scorer.model
                if model not in tasks:
                    tasks[model] = _Task(one.scorer)
                tasks[model].posts.append((number, place, one.shadow))
        self._forget(gone)
        events: list[Event] = []
        for task in tasks.values():
            said = self._judge(task.scorer, [blocks[number] for number, _, _ in task.posts], events)
            for (number, place, shadow), verdict in zip(task.posts, said, strict=True):
                verdict.shadow = shadow
                verdicts[number][place] = verdict
        out: list[ScoredBlock | Event] = []
        for block, said_of_it in zip(blocks, verdicts, strict=True):
            mine = tuple(verdict for verdict in said_of_it if verdict is not None)
            if any(verdict.shadow for verdict in mine):
                self._models.judged(block.asset, block.end, mine)
            out.append(ScoredBlock.of(block, mine))
        return out + events

    def snapshot(self) -> bytes:
        """As bytes in a format of ours; see `flows.score_snapshot`."""
        return pack(self._memories)

    @classmethod
    def restore(cls, data: bytes, models: Models, clock: Callable[[], float] = time.perf_counter) -> ScoreState:
        """Inverse of `snapshot`.

        Raises:
            StateError: Another format, or damaged.
        """
        state = cls(models, clock)
        state._memories = unpack(data)
        for model, memory in state._memories.items():
            for asset in memory.assets:
                state._followed[asset] = state._followed.get(asset, frozenset()) | {model}
        return state

    def _posts_of(self, asset: str, gone: dict[str, list[str]]) -> Sequence[Served]:
        """Its models as of now; to `gone` are added those that remember it and are none of them any more."""
        served = self._models.of(asset)
        if self._posts.get(asset) is served:
            return served
        self._posts[asset] = served
        now = frozenset(one.scorer.model for one in served if one.scorer.state)
        before = self._followed.get(asset, frozenset())
        for model in before - now:
            gone.setdefault(model, []).append(asset)
        self._followed[asset] = now
        return served

    def _forget(self, gone: Mapping[str, list[str]]) -> None:
        """Of each model these assets, all at once: a swap may concern a thousand."""
        for model, assets in gone.items():
            if (memory := self._memories.get(model)) is not None:
                memory.forget(assets)
                if not memory.assets:
                    del self._memories[model]

    def _judge(self, scorer: Scorer, blocks: list[FeatureBlock], events: list[Event]) -> list[Verdict]:
        """What a model says of these blocks, one verdict each."""
        health = self._health_of(scorer)
        sizes = [len(block) for block in blocks]
        rows, misfit = _rows(scorer, blocks)
        if misfit and not health.off:
            health.failed(for_good=True)
            self._note(scorer, health, blocks, events, Outcome(scorer.model, sum(sizes), 0.0, "misfit", misfit))
        if health.off:
            judged = nothing(sum(sizes), len(scorer.tags), Why.OFF)
        else:
            judged = self._call(scorer, health, rows, blocks, events)
        ends = np.cumsum(sizes)
        spans = [slice(int(end) - size, int(end)) for end, size in zip(ends, sizes, strict=True)]
        return [_verdict(scorer, judged, rows, span) for span in spans]

    def _call(
        self, scorer: Scorer, health: ScoreHealth, rows: Rows, blocks: list[FeatureBlock], events: list[Event]
    ) -> Judged:
        began = self._clock()
        judged = follow_rows(scorer, rows, self._memory_of(scorer)) if scorer.state else judge_rows(scorer, rows)
        outcome = Outcome(scorer.model, len(rows.start), self._clock() - began)
        wild = int(np.count_nonzero(judged.why == Why.NO_NUMBER))
        scored = bool((judged.why == Why.JUDGED).any())
        if judged.failure is not None:
            outcome = replace(outcome, trouble=judged.failure.trouble, detail=judged.failure.detail)
        elif wild:
            detail = f"{wild} of {len(rows.start)} rows got a score that is no number"
            outcome = replace(outcome, trouble="no_number", detail=detail)
        if outcome.trouble and not scored:
            health.failed(for_good=outcome.trouble in _FOR_GOOD)
        elif scored:
            health.went_well()
        self._note(scorer, health, blocks, events, outcome)
        events += [_begins(scorer, rows, int(row)) for row in judged.begun] if scorer.warm_up else []
        return judged

    def _note(
        self,
        scorer: Scorer,
        health: ScoreHealth,
        blocks: list[FeatureBlock],
        events: list[Event],
        outcome: Outcome,
    ) -> None:
        """Tell the trouble of a pass, if it is new; and once that the model is off."""
        self._models.noted(replace(outcome, off=health.off))
        if not outcome.trouble:
            return
        received = max(block.decided_received for block in blocks)
        if health.tells(outcome.trouble, received):
            events.append(model_trouble(blocks, scorer.model, outcome.trouble, outcome.rows, f"{outcome.detail}."))
        if health.off and outcome.trouble not in _FOR_GOOD and health.tells("switched_off", received):
            detail = (
                f"It gave no score in {MOST_FAILURES} passes in a row, and is not called until another replaces it."
            )
            events.append(model_trouble(blocks, scorer.model, "switched_off", outcome.rows, detail))

    def _memory_of(self, scorer: Scorer) -> ScoreMemory:
        memory = self._memories.get(scorer.model)
        if memory is None or memory.ports != tuple(scorer.state):
            memory = self._memories[scorer.model] = ScoreMemory(scorer.state)
        return memory

    def _health_of(self, scorer: Scorer) -> ScoreHealth:
        """Of this very object: the same version loaded again is tried again."""
        known = self._health.get(scorer.model)
        if known is None or known[0]() is not scorer:  # one that is gone must not be kept, it may be large
            known = self._health[scorer.model] = (weakref.ref(scorer), ScoreHealth())
        return known[1]


def _rows(scorer: Scorer, blocks: list[FeatureBlock]) -> tuple[Rows, str]:
    """What the model sees of the blocks, and why it can see nothing of them ("" = it can)."""
    sizes = [len(block) for block in blocks]
    misfit = ""
    try:
        values, coverage = rows_of(blocks, scorer.tags, scorer.features)
    except KeyError as error:
        misfit, shape = str(error.args[0]), (sum(sizes), len(scorer.tags))
        values, coverage = np.full((*shape, len(scorer.features)), np.nan), np.zeros(shape, dtype=np.float32)
    rows = Rows(
        assets=[block.asset for block in blocks for _ in range(len(block))],
        values=values,
        coverage=coverage,
        start=np.concatenate([block.start for block in blocks]),
        whole=np.repeat([not (block.partial or block.backfilled) for block in blocks], sizes),
    )
    return rows, misfit


def _verdict(scorer: Scorer, judged: Judged, rows: Rows, span: slice) -> Verdict:
    return Verdict(
        model=scorer.model,
        tags=scorer.tags,
        score=judged.score[span],
        why=judged.why[span],
        contributions=judged.contributions[span],
        coverage=rows.coverage[span],
        min_coverage=scorer.min_coverage,
    )


def _begins(scorer: Scorer, rows: Rows, row: int) -> Event:
    return model_begins(rows.assets[row], scorer.model, int(rows.start[row]), scorer.warm_up)
