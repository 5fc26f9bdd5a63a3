from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from flows_gateway import ListModels, MeanScorer
from flows_scorers import BrokenScorer, LyingScorer, StepScorer
from flows_streams import T0, TABLE, S

from cloud_sink.records import Event
from connectors.tags import TagTable
from flows.blocks import FeatureBlock, ScoredBlock
from flows.errors import StateError
from flows.score_state import ScoreState
from models.errors import ScoringFailed
from models.scores import Scorer
from models.served import Outcome, Served, Verdict, Why

NAN = float("nan")
EVERY = 10 * S


def windows(
    *means: float,
    first: int = 0,
    asset: str = "press",
    coverage: float = 1.0,
    partial: bool = False,
    backfilled: bool = False,
) -> FeatureBlock:
    """One window of 10 s after the other; "current", "speed" and "door" have that mean, and a last value like it."""
    w, t = len(means), 3
    start = T0 + (first + np.arange(w, dtype=np.int64)) * EVERY
    values = np.repeat(np.array(means, dtype=np.float64)[:, None, None], t, axis=1).repeat(2, axis=2)
    return FeatureBlock(
        tags=TagTable(asset, TABLE.tags),
        start=start,
        end=start + EVERY,
        n=np.ones((w, t), np.int32),
        n_bad=np.zeros((w, t), np.int32),
        coverage=np.full((w, t), coverage, np.float32),
        decided_received=int(start[-1]) + EVERY,
        partial=partial,
        backfilled=backfilled,
        features=("mean", "last"),
        values=values,
    )


def state_of(scorer: Scorer) -> ScoreState:
    return ScoreState(ListModels(lambda _: scorer))


def verdicts(out: Sequence[ScoredBlock | Event]) -> list[Verdict]:
    return [one.verdicts[0] for one in out if isinstance(one, ScoredBlock)]


def scores(out: Sequence[ScoredBlock | Event]) -> list[float]:
    return [float(score) for verdict in verdicts(out) for score in verdict.score]


def reasons(out: Sequence[ScoredBlock | Event]) -> list[Why]:
    return [Why(int(why)) for verdict in verdicts(out) for why in verdict.why]


def told(out: Sequence[ScoredBlock | Event]) -> list[tuple[str, str]]:
    return [(one.asset, one.reason) for one in out if isinstance(one, Event)]


def test_a_pass_is_one_call_for_the_first_row_of_every_asset_and_one_for_the_second() -> None:
    scorer = StepScorer()
    blocks = [windows(1, 2, asset="a"), windows(3, asset="b"), windows(5, 6, 7, asset="c")]
    state_of(scorer).push(blocks)
    assert scorer.seen == [[1, 3, 5], [2, 6], [7]]


def test_a_backlog_is_scored_in_pieces_for_a_time_budget_is_for_a_call() -> None:
    whole, broken = MeanScorer(), LyingScorer(above=1e9)
    means = np.arange(1.0, 2501.0)
    got = scores(state_of(whole).push([windows(*means[:1200], asset="a"), windows(*means[1200:], asset="b")]))
    assert whole.calls == [1000, 1000, 500]
    np.testing.assert_allclose(got, means / 10.0)
    broken.fails_at = 2
    assert reasons(state_of(broken).push([windows(*means)])) == [Why.JUDGED] * 1000 + [Why.FAILED] * 1500


def test_a_model_remembers_each_asset_from_pass_to_pass() -> None:
    state = state_of(StepScorer(limit=1.0))
    out = [*state.push([windows(1, asset="a"), windows(10, asset="b")]), *state.push([windows(20, asset="b", first=1)])]
    out += state.push([windows(2, 3, asset="a", first=1), windows(30, asset="b", first=2)])
    np.testing.assert_array_equal(scores(out), [NAN, NAN, NAN, NAN, 6.0, 60.0])
    assert reasons(out) == [Why.WARMING_UP] * 4 + [Why.JUDGED] * 2
    assert told(out) == [("a", "warming_up"), ("b", "warming_up")]


@pytest.mark.parametrize("seed", range(40))
def test_however_passes_are_cut_and_wherever_it_is_taken_up_again_the_scores_are_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    series = {f"asset-{number}": rng.normal(size=rng.integers(1, 10)) for number in range(rng.integers(1, 5))}
    want = {asset: scores(state_of(StepScorer()).push([windows(*row, asset=asset)])) for asset, row in series.items()}
    scorer, done = StepScorer(), dict.fromkeys(series, 0)
    state = state_of(scorer)
    got: dict[str, list[float]] = {asset: [] for asset in series}
    while any(done[asset] < len(row) for asset, row in series.items()):
        blocks = []
        for asset, row in series.items():
            part = row[done[asset] : done[asset] + rng.integers(0, 4)].tolist()
            if part:
                blocks.append(windows(*part, asset=asset, first=done[asset]))
                done[asset] += len(part)
        for one in state.push(blocks):
            if isinstance(one, ScoredBlock):
                got[one.asset] += one.verdicts[0].score.tolist()
        if rng.random() < 0.5:
            state = ScoreState.restore(state.snapshot(), ListModels(lambda _: scorer))
    for asset, expected in want.items():
        np.testing.assert_array_equal(got[asset], expected)


def test_the_same_passes_make_the_same_snapshot() -> None:
    states = [state_of(StepScorer()) for _ in range(2)]
    for state in states:
        state.push([windows(1, asset="a"), windows(2, asset="b")])
    assert states[0].snapshot() == states[1].snapshot()
    assert ScoreState.restore(states[0].snapshot(), ListModels(lambda _: None)).snapshot() == states[0].snapshot()


@pytest.mark.parametrize(("first", "again"), [(5, False), (6, True), (0, True), (1, True)])
def test_after_a_pause_longer_than_its_warm_up_or_a_clock_set_back_an_asset_begins_again(
    first: int, again: bool
) -> None:
    """The last window began at 20 s; a warm-up is two windows of 10 s."""
    state = state_of(StepScorer())
    state.push([windows(1, 2, 3)])
    out = state.push([windows(4, first=first)])
    assert reasons(out) == [Why.WARMING_UP if again else Why.JUDGED]
    assert told(out) == ([("press", "warming_up")] if again else [])


def test_windows_cut_short_or_filled_from_a_history_are_not_fed_and_leave_no_trace() -> None:
    scorer = StepScorer(limit=1.0)
    state = state_of(scorer)
    state.push([windows(1, 2)])
    odd = [windows(9, first=2, partial=True), windows(9, first=-5, backfilled=True)]
    out = state.push([*odd, windows(3, first=2)])
    assert reasons(out) == [Why.NOT_FED, Why.NOT_FED, Why.JUDGED]
    assert scores(out)[2] == 6.0
    assert scorer.seen[-1] == [3.0]


def test_a_tag_covered_too_little_is_missing_and_the_model_decides_what_to_make_of_it() -> None:
    scorer = StepScorer(limit=1.0)
    state = state_of(scorer)
    out = state.push([windows(1, 2, 3)])
    out += state.push([windows(9, first=3, coverage=0.4)])
    assert np.isnan(scorer.seen[-1][0])
    out += state.push([windows(9, first=4, coverage=0.4), windows(4, 4, 4, first=5)])
    assert reasons(out)[3:] == [Why.JUDGED, Why.QUALITY, Why.QUALITY, Why.QUALITY, Why.JUDGED]
    assert scores(out)[3] == 8.0  # 2 + 3 + 3, held over


def test_a_model_that_remembers_and_says_nan_without_a_reason_is_told() -> None:
    state = state_of(StepScorer())
    state.push([windows(1, 2, 3)])
    with np.errstate(over="ignore"):
        out = state.push([windows(1e308, 1e308, 1e308, first=3)])
    assert reasons(out) == [Why.JUDGED, Why.NO_NUMBER, Why.NO_NUMBER]
    assert told(out) == [("press", "no_number")]


@dataclass
class Posts(ListModels):
    """Models by hand."""

    posts: list[Served] = field(default_factory=list)

    def of(self, asset: str) -> list[Served]:
        return self.posts


def test_another_version_begins_and_one_that_was_a_shadow_goes_on() -> None:
    one, two, three = (StepScorer(model=f"steps@{version}") for version in (1, 2, 3))
    models = Posts(lambda _: None, posts=[Served(one), Served(two, shadow=True)])
    state = ScoreState(models)
    state.push([windows(1, 2, 3)])
    models.posts = [Served(two)]
    promoted = state.push([windows(4, first=3)])
    assert (verdicts(promoted)[0].model, reasons(promoted), told(promoted)) == ("steps@2", [Why.JUDGED], [])
    models.posts = [Served(three)]
    swapped = state.push([windows(5, first=4)])
    assert (verdicts(swapped)[0].model, reasons(swapped)) == ("steps@3", [Why.WARMING_UP])
    assert told(swapped) == [("press", "warming_up")]
    models.posts = [Served(one)]  # rolled back: what it remembers would have a hole
    assert reasons(state.push([windows(6, first=5)])) == [Why.WARMING_UP]
    models.posts = []
    state.push([windows(7, first=6)])
    assert state.snapshot() == ScoreState(models).snapshot()


def test_a_version_that_remembers_otherwise_than_before_begins() -> None:
    state = state_of(StepScorer())
    state.push([windows(1, 2, 3)])
    again = ScoreState.restore(state.snapshot(), ListModels(lambda _: StepScorer(warm_up=1)))
    assert reasons(again.push([windows(4, first=3)])) == [Why.WARMING_UP]


def test_what_other_assets_are_remembered_for_stays_when_one_leaves() -> None:
    scorer = StepScorer(limit=1.0)
    serving = {"a": scorer, "b": scorer, "c": scorer}
    state = ScoreState(ListModels(serving.get))
    state.push([windows(1, 2, asset="a"), windows(10, 20, asset="b"), windows(100, 200, asset="c")])
    del serving["b"]
    out = state.push(
        [windows(30, asset="b", first=2), windows(3, asset="a", first=2), windows(300, asset="c", first=2)]
    )
    assert [one.score.tolist() for one in out if isinstance(one, ScoredBlock) and one.verdicts] == [[6.0], [600.0]]


def test_shadows_score_and_their_windows_are_handed_over_to_be_compared() -> None:
    models = ListModels({"press": MeanScorer()}.get, {"press": MeanScorer(1.0, model="means@2")})
    out = ScoreState(models).push([windows(5, 6), windows(7, asset="fan")])
    block = out[0]
    assert isinstance(block, ScoredBlock)
    assert [(one.model, one.shadow, one.score.tolist()) for one in block.verdicts] == [
        ("means@1", False, [0.5, 0.6]),
        ("means@2", True, [5.0, 6.0]),
    ]
    assert (block.model, block.score.tolist(), len(block.active)) == ("means@1", [0.5, 0.6], 1)
    ((asset, ends, said),) = models.compared
    assert (asset, ends, said) == ("press", [T0 + 10 * S, T0 + 20 * S], block.verdicts)


def test_a_model_that_fails_leaves_others_alone_and_is_switched_off_after_three_passes() -> None:
    broken, other = BrokenScorer(), StepScorer(limit=1.0)
    models = Posts(lambda _: None, posts=[Served(broken), Served(other)])
    state = ScoreState(models)
    out = [state.push([windows(at + 1, asset=asset, first=at) for asset in ("a", "b")]) for at in range(6)]
    assert [reasons(one)[0] for one in out] == [Why.FAILED] * 3 + [Why.OFF] * 3
    assert broken.calls == [2, 2, 2]
    assert [told(one) for one in out] == [
        [("", "failed"), ("a", "warming_up"), ("b", "warming_up")],
        [],
        [("", "switched_off")],
        [],
        [],
        [],
    ]
    last = [one for one in out[-1] if isinstance(one, ScoredBlock)]
    assert [block.verdicts[1].score.tolist() for block in last] == [[15.0], [15.0]]
    seen = [(one.model, one.trouble, one.off) for one in models.outcomes if one.model == "broken@1"]
    assert seen == [("broken@1", "failed", False)] * 2 + [("broken@1", "failed", True)]


def test_three_failures_must_follow_one_another() -> None:
    scorer = BrokenScorer(trouble="slow")
    state = state_of(scorer)
    for at in range(8):
        scorer.trouble = "" if at % 3 == 2 else "slow"
        assert reasons(state.push([windows(at + 1, first=at)])) == [Why.JUDGED if at % 3 == 2 else Why.FAILED]


def test_loaded_again_it_is_tried_again() -> None:
    models = Posts(lambda _: None, posts=[Served(BrokenScorer())])
    state = ScoreState(models)
    for at in range(4):
        state.push([windows(at + 1, first=at)])
    models.posts = [Served(BrokenScorer(trouble=""))]
    assert reasons(state.push([windows(4, first=4)])) == [Why.JUDGED]


def test_what_a_bundle_was_refused_for_is_told_once_and_it_is_never_called_again() -> None:
    scorer = BrokenScorer(trouble="refused")
    state = state_of(scorer)
    out = [one for at in range(4) for one in state.push([windows(at + 1, first=at)])]
    assert told(out) == [("press", "refused")]
    assert (reasons(out), scorer.calls) == ([Why.FAILED, Why.OFF, Why.OFF, Why.OFF], [1])


def test_a_call_that_fails_in_the_middle_of_a_pass_keeps_what_came_before() -> None:
    @dataclass
    class Tired(StepScorer):
        strength: int = 99

        def score(self, rows: np.ndarray, state: tuple[np.ndarray, ...] = ()) -> object:  # type: ignore[override]
            self.strength -= 1
            if self.strength == 0:
                raise ScoringFailed(self.model, "failed", "it is tired")
            return super().score(rows, state)

    scorer = Tired(limit=1.0, strength=3)
    state = state_of(scorer)  # type: ignore[arg-type]
    first = state.push([windows(1, 2, 3, 4)])
    assert reasons(first) == [Why.WARMING_UP, Why.WARMING_UP, Why.FAILED, Why.FAILED]
    assert scores(state.push([windows(5, first=4)])) == [8.0]  # 1 + 2 + 5: as if those had not come


def test_nan_of_some_rows_is_told_once_an_hour_and_of_all_rows_switches_off() -> None:
    state = state_of(LyingScorer(above=10.0))

    def pair(at: int) -> list[FeatureBlock]:
        return [windows(5, asset="a", first=at), windows(50, asset="b", first=at)]

    out = [
        one
        for at in range(700)
        for one in state.push([windows(5, asset="a", first=at), windows(50, asset="b", first=at)])
    ]
    assert told(out) == [("", "no_number")] * 2  # 7,000 s
    assert reasons(out[:2]) == [Why.JUDGED, Why.NO_NUMBER]
    state = state_of(LyingScorer())
    out = [one for at in range(5) for one in state.push([windows(5, first=at)])]
    assert reasons(out) == [Why.NO_NUMBER] * 3 + [Why.OFF] * 2
    assert told(out) == [("press", "no_number"), ("press", "switched_off")]


def test_a_pass_without_good_data_says_nothing_of_the_model() -> None:
    scorer = BrokenScorer()
    state = state_of(scorer)
    out = [one for at in range(5) for one in state.push([windows(5, first=at, coverage=0.1)])]
    assert (reasons(out), told(out), scorer.calls) == ([Why.QUALITY] * 5, [], [])


def test_how_long_it_took_is_handed_over() -> None:
    models = ListModels({"press": MeanScorer()}.get)
    ScoreState(models, iter([3.0, 3.5]).__next__).push([windows(5, 6)])
    assert models.outcomes == [Outcome("means@1", 2, 0.5)]


@pytest.mark.parametrize(
    "damage", [b"", b"\x80\x04pickle", b"SGM2\0\0\0\0", b"SGM1", b"SGM1\x02\0\0\0[]", b"SGM1\xff\0\0\0{}"]
)
def test_foreign_state_is_refused(damage: bytes) -> None:
    with pytest.raises(StateError, match="recovery state of the score step"):
        ScoreState.restore(damage, ListModels(lambda _: None))


def test_state_that_is_cut_short_anywhere_is_refused() -> None:
    state = state_of(StepScorer())
    state.push([windows(1, asset="a"), windows(2, asset="b")])
    whole = state.snapshot()
    for end in range(len(whole)):
        with pytest.raises(StateError):
            ScoreState.restore(whole[:end], ListModels(lambda _: None))
    with pytest.raises(StateError):
        ScoreState.restore(whole + b"\0", ListModels(lambda _: None))


def test_a_block_is_left_as_it_was() -> None:
    block = windows(1, 2, coverage=0.1)
    before = replace(block, values=block.values.copy(), coverage=block.coverage.copy())
    state_of(StepScorer()).push([block])
    np.testing.assert_array_equal(block.values, before.values)
