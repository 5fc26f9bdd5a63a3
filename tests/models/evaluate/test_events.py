from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluate.events import EventCounts, event_counts, runs

DAY = 86_400.0
TRUTH = np.array([0, 0, 1, 1, 1, 0, 0, 1, 1, 0], dtype=bool)
SAID = np.array([1, 0, 0, 0, 1, 1, 0, 0, 0, 1], dtype=bool)


def test_a_case_counted_by_hand():
    got = event_counts(TRUTH, SAID, np.arange(10) * 2.0, 2.0)
    assert got == EventCounts(events=2, delays_s=(4.0,), episodes=3, false_episodes=2, normal_s=10.0)
    assert (got.found, got.precision, got.delay_s()) == (1, pytest.approx(1 / 3), 4.0)
    assert got.false_alarms_per_day == pytest.approx(2 / 10 * DAY)


def test_an_alarm_that_was_already_on_finds_the_event_at_once_and_is_no_false_one():
    got = event_counts(np.array([False, True]), np.array([True, True]), np.arange(2.0), 1.0)
    assert (got.delays_s, got.episodes, got.false_episodes) == ((0.0,), 1, 0)


def test_delays_are_in_time_and_not_in_rows():
    got = event_counts(TRUTH, SAID, np.array([0, 1, 2, 30, 40, 41, 42, 43, 44, 45.0]), 1.0)
    assert got.delays_s == (38.0,)


def test_files_are_pooled_by_adding():
    one = event_counts(TRUTH, SAID, np.arange(10.0), 1.0)
    both = one + one
    assert (both.events, both.found, both.false_alarms_per_day) == (4, 2, one.false_alarms_per_day)


def test_no_event_found_has_no_delay():
    got = event_counts(TRUTH, np.zeros(10, dtype=bool), np.arange(10.0), 1.0)
    assert np.isnan(got.delay_s())
    assert np.isnan(got.precision)
    assert np.isnan(EventCounts().false_alarms_per_day)


@given(st.lists(st.booleans(), max_size=30))
def test_runs_rebuild_the_mask(values):
    mask = np.array(values, dtype=bool)
    again = np.zeros(len(mask), dtype=bool)
    for start, end in runs(mask):
        assert end > start
        assert not again[max(0, start - 1) : end].any()
        again[start:end] = True
    np.testing.assert_array_equal(again, mask)
