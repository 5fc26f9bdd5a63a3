from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from models.cold_start import LIMIT, MEMORY, MOST_STRIDE, NAME, WARM_UP, ColdStart, WithColdStart, columns_of
from models.features import SETS
from models.roster import Roster
from models.scores import follow
from models.served import Served
from models.state import begin

TAGS = ("flow", "pressure")


def cold() -> ColdStart:
    return ColdStart(TAGS, ("mean", "std"), 10**10)


def calm(seed: int, rows: int, *, memory: float = 0.0) -> NDArray[np.float64]:
    """[rows, tags, features], mean 20, sd 1."""
    noise = np.random.default_rng(seed).standard_normal((rows + 200, len(TAGS), 2))
    return 20.0 + np.sqrt(1 - memory**2) * lfilter([1.0], [1.0, -memory], noise, axis=0)[200:]


def test_it_warms_up_for_as_long_as_it_says() -> None:
    score = follow(cold(), calm(0, 100)).score
    assert np.isnan(score[:WARM_UP]).all()
    assert np.isfinite(score[WARM_UP:]).all()
    assert cold().warm_up == WARM_UP


def test_the_score_is_the_largest_robust_z() -> None:
    rows = calm(1, WARM_UP + 1)
    scores = follow(cold(), rows)
    before, now = rows[:-1].reshape(WARM_UP, -1), rows[-1].ravel()
    median = np.median(before, axis=0)
    z = np.abs(now - median) / (1.4826 * np.median(np.abs(before - median), axis=0))
    assert scores.score[-1] == pytest.approx(z.max() / LIMIT)
    by_tag = z.reshape(2, 2).max(axis=1)
    assert scores.contributions[-1] == pytest.approx(by_tag / by_tag.sum())
    assert scores.model == cold().model
    assert scores.model.startswith(f"{NAME}@1.")


def test_noise_does_not_open_an_alarm() -> None:
    """Two windows in a row above the limit, as the alarm wants by default."""
    assets = 200
    scorer = cold()
    state = begin(scorer.state, assets)
    rng = np.random.default_rng(0)
    before, opened = np.zeros(assets, np.bool_), 0
    for _ in range(300):
        scores = scorer.score(rng.standard_normal((assets, 2, 2)), state)
        state, now = scores.state, scores.score > 1
        opened += int((before & now).sum())
        before = now
    assert opened == 0


@pytest.mark.parametrize("tag", [0, 1])
def test_a_fault_is_found_in_its_first_window_and_where_it_is(tag: int) -> None:
    rows = calm(2, 200)
    rows[150:, tag, 0] += 12.0
    scores = follow(cold(), rows)
    assert (scores.score[:150][WARM_UP:] < 1).all()
    assert scores.score[150] > 1
    assert scores.contributions[150].argmax() == tag


def test_what_lasts_becomes_normal_within_its_memory() -> None:
    rows = calm(3, 5000)
    rows[4000:, 0, 0] += 100.0
    score = follow(cold(), rows).score
    followed = 4000 + MEMORY * MOST_STRIDE // 2
    assert (score[4000 : followed - 100] > 1).all()
    assert (score[followed + 100 :] < 1).all()


def test_a_short_fault_is_not_learnt() -> None:
    rows = calm(4, 1000)
    rows[500:520, 0, 0] += 12.0
    score = follow(cold(), rows).score
    assert (score[500:520] > 1).all()
    assert (score[520:] < 1).all()


def test_a_tag_that_does_not_move_says_nothing_about_moving() -> None:
    rows = calm(5, 200)
    rows[:, 1] = [[7.0, 0.0]]
    rows[150:, 1, 0] = 9.0
    scores = follow(cold(), rows)
    assert (scores.score[WARM_UP:] < 1).all()
    assert (scores.contributions[WARM_UP:, 1] == 0).all()


def test_nothing_moves_at_all_is_calm_and_not_unknown() -> None:
    scores = follow(cold(), np.full((100, 2, 2), 7.0))
    assert (scores.score[WARM_UP:] == 0).all()
    assert np.allclose(scores.contributions[WARM_UP:], 0.5)


def test_it_judges_by_the_tags_there_are() -> None:
    rows = calm(6, 200)
    rows[:, 1] = np.nan
    rows[150, 0, 0] += 12.0
    scores = follow(cold(), rows)
    assert scores.score[150] > 1
    assert scores.contributions[150].tolist() == [1.0, 0.0]
    rows[160] = np.nan
    scores = follow(cold(), rows)
    assert np.isnan(scores.score[160])
    assert np.isnan(scores.contributions[160]).all()
    assert np.isfinite(scores.score[161])


def test_a_tag_that_comes_later_warms_up_by_itself() -> None:
    rows = calm(7, 200)
    rows[:100, 1] = np.nan
    rows[110, 1, 0] += 100.0
    rows[140, 1, 0] += 100.0
    score = follow(cold(), rows).score
    assert score[110] < 1
    assert score[140] > 1


def test_what_it_is_handed_is_not_changed_and_assets_do_not_meet() -> None:
    scorer, rows = cold(), calm(8, 80)
    both = begin(scorer.state, 2)
    for row in rows:
        kept = [array.copy() for array in both]
        scores = scorer.score(np.stack([row, row + 5.0]), both)
        assert all(np.array_equal(one, other, equal_nan=True) for one, other in zip(both, kept, strict=True))
        both = scores.state
    assert scores.score[0] == follow(scorer, rows).score[-1]
    assert scores.score[1] == pytest.approx(scores.score[0])


@pytest.mark.parametrize("huge", [1e300, -1e300, 1e-300])
def test_wild_values_give_a_number(huge: float) -> None:
    rows = calm(9, 60)
    rows[50, 0, 0] = huge
    score = follow(cold(), rows).score
    assert np.isfinite(score[WARM_UP:]).all()


def test_it_picks_a_level_and_a_spread() -> None:
    chosen = {name: columns_of(one.features) for name, one in SETS.items()}
    assert chosen == {"standard": ("mean", "std"), "vibration": ("std", "peak"), "irregular": ("tw_mean", "tw_std")}
    assert columns_of(("max",)) == ("max",)


def test_it_stands_where_no_model_may_alarm() -> None:
    cold_start, other, shadow = cold(), ColdStart(("a",), ("mean",), 1), ColdStart(("b",), ("mean",), 1)
    roster = Roster({"trained": [Served(other)], "shadowed": [Served(shadow, shadow=True)]})
    models = WithColdStart(roster, lambda asset: None if asset == "left out" else cold_start)
    assert [one.scorer for one in models.of("trained")] == [other]
    assert [(one.scorer, one.shadow) for one in models.of("shadowed")] == [(cold_start, False), (shadow, True)]
    assert [one.scorer for one in models.of("new")] == [cold_start]
    assert models.of("left out") == ()
    roster.put("new", [Served(other)])
    assert [one.scorer for one in models.of("new")] == [other]


def test_assets_with_other_tags_have_another_version() -> None:
    """The flow calls what is called the same once for all assets."""
    versions = {ColdStart(tags, ("mean",), 1).model for tags in (("a",), ("b",), ("a", "b"), ("ab",))}
    assert len(versions) == 4
