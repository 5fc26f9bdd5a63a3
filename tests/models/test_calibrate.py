from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibrate import NS_PER_DAY, calibrate, doubts, episodes, heldout_scores, limit_of, lowest_limit
from models.detectors.mahalanobis import MahalanobisDetector

MINUTE = 60 * 10**9
ROWS = np.random.default_rng(5).normal(size=(200, 3))


class Spy(MahalanobisDetector):
    """Remembers, by the first column, which rows each fit saw and which were then scored."""

    log: ClassVar[list[tuple[list[int], list[int]]]] = []

    scale_ = None

    def fit(self, X, y=None):  # noqa: N803
        self.saw = X[:, 0].astype(int).tolist()
        return self

    def anomaly_score(self, X):  # noqa: N803
        Spy.log.append((self.saw, X[:, 0].astype(int).tolist()))
        return X[:, 0]


@pytest.mark.parametrize("embargo", [0, 1, 7])
def test_each_row_is_scored_once_by_a_fit_that_saw_nothing_near_it(embargo):
    Spy.log.clear()
    rows = np.arange(43.0)[:, None]
    scores = heldout_scores(Spy(), rows, embargo)
    np.testing.assert_array_equal(scores, rows[:, 0])
    assert sorted(row for _, scored in Spy.log for row in scored) == list(range(43))
    for saw, scored in Spy.log:
        near = range(scored[0] - embargo, scored[-1] + embargo + 1)
        assert saw == [row for row in range(43) if row not in near]


def test_a_quantised_column_that_rests_in_most_blocks_does_not_blow_up_the_limit():
    rows = np.random.default_rng(5).normal(size=(200, 3))
    rows[:, 2] = 31.0
    rows[::9, 2] += 0.0003
    rows[60:70, 2] = 30.0  # one step of the sensor, in one block
    got = calibrate(MahalanobisDetector(), rows, every_ns=MINUTE, embargo=2)
    assert got.heldout_over_in_sample < 100  # 4,570,505 with the scale of each block's own fit


def test_a_short_recording_takes_the_largest_unseen_score_carried_on_along_its_tail():
    detector = MahalanobisDetector()
    scores = heldout_scores(detector, ROWS, 2)
    got = calibrate(detector, ROWS, every_ns=MINUTE, embargo=2, margin=9.0)
    threshold = np.quantile(scores, 0.9)
    beta = scores[scores > threshold].mean() - threshold
    assert got.method == "max_times_margin"
    assert got.limit == pytest.approx(scores.max() + beta * np.log(1440 / 200))
    assert got.margin == pytest.approx(got.limit / scores.max())
    assert got.false_alarms_per_day_at_most == pytest.approx(3 / (200 / 1440))
    assert "cannot carry a budget of 1 false alarms a day" in doubts(got)[0]
    assert "3.3 hours" in doubts(got)[0]


def test_the_tail_never_carries_further_than_the_margin_nor_below_what_was_seen():
    largest = heldout_scores(MahalanobisDetector(), ROWS, 2).max()
    short = calibrate(MahalanobisDetector(), ROWS, every_ns=MINUTE // 1000, embargo=2, margin=1.5)
    assert (short.limit, short.margin) == (pytest.approx(1.5 * largest), 1.5)
    days = calibrate(MahalanobisDetector(), ROWS, every_ns=30 * MINUTE, embargo=2)  # 4: the budget allows 4 episodes
    assert (days.limit, days.margin, days.method) == (pytest.approx(largest), 1.0, "max_times_margin")


def test_an_exponential_tail_is_carried_to_the_budget():
    rng = np.random.default_rng(3)
    limits = [_limit_of(rng.exponential(size=500), every_ns=MINUTE) for _ in range(300)]
    # Once a day of 1,440 rows: the median of the limits is the level that is exceeded once in about as many.
    assert np.exp(np.median(limits)) == pytest.approx(1440 * np.exp(0.37), rel=0.2)  # 0.37: the median of a maximum


def _limit_of(scores, every_ns):
    return limit_of(
        [scores], in_sample=1.0, blocks=4, embargo=0, every_ns=every_ns, budget_per_day=1.0, margin=9.0
    ).limit


def test_a_long_recording_keeps_the_budget_on_unseen_rows():
    detector = MahalanobisDetector()
    rows = np.random.default_rng(5).normal(size=(6000, 3))  # half an hour each: 125 days
    got = calibrate(detector, rows, every_ns=30 * MINUTE, embargo=1, budget_per_day=0.2)
    scores = heldout_scores(detector, rows, 1)
    assert got.method == "budget"
    assert episodes(scores > got.limit) == 25
    assert got.limit < scores.max()
    assert got.false_alarms_per_day_at_most == pytest.approx(0.2)
    assert doubts(got) == []


def test_a_generous_budget_is_no_excuse_to_alarm_all_day():
    rows = np.repeat(np.random.default_rng(5).normal(size=(30, 3)), 200, axis=0)  # 30 long calm stretches
    got = calibrate(MahalanobisDetector(), rows, every_ns=30 * MINUTE, embargo=1, budget_per_day=5.0)
    assert np.mean(heldout_scores(MahalanobisDetector(), rows, 1) > got.limit) <= 0.01


def test_a_plant_that_moves_on_is_noticed():
    drifting = ROWS + np.linspace(0, 40, 200)[:, None] ** 2
    got = calibrate(MahalanobisDetector(), drifting, every_ns=MINUTE, embargo=2)
    assert any("the plant drifts" in doubt for doubt in doubts(got))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(0, 5))
def test_the_lowest_limit_and_all_above_it_keep_the_count(values, allowed):
    scores = np.array(values, dtype=np.float64)
    limit = lowest_limit(scores, allowed)
    assert limit in scores
    assert all(episodes(scores > higher) <= allowed for higher in np.unique(scores) if higher >= limit)
    below = scores[scores < limit]
    if len(below):
        assert episodes(scores >= limit) > allowed


@given(st.lists(st.booleans(), max_size=30))
def test_episodes_are_runs(above):
    runs = sum(1 for at, now in enumerate(above) if now and (at == 0 or not above[at - 1]))
    assert episodes(np.array(above, dtype=np.bool_)) == runs


def test_a_long_episode_of_one_asset_among_many_rows_of_another_is_one():
    quiet, loud = np.linspace(0.1, 0.2, 2000), np.linspace(0.1, 0.2, 2000)
    loud[700:740] = 5.0  # one episode, 1 % of all rows
    options = {"in_sample": 1.0, "blocks": 4, "embargo": 2, "every_ns": NS_PER_DAY // 100, "budget_per_day": 0.25}
    apart = limit_of([loud, quiet], margin=1.5, **options)
    in_turns = limit_of([np.stack([loud, quiet], axis=1).reshape(-1)], margin=1.5, **options)
    assert apart.method == in_turns.method == "budget"
    assert apart.limit < 0.3
    assert in_turns.limit == 5.0  # forty episodes, where ten are allowed


def test_where_no_held_out_score_is_above_nothing_one_unit_is_the_limit():
    found = limit_of(
        [np.zeros(100)], in_sample=0.0, blocks=4, embargo=2, every_ns=10**9, budget_per_day=1.0, margin=1.5
    )
    assert (found.limit, found.heldout_over_in_sample) == (1.0, 1.0)
