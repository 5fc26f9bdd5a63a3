from __future__ import annotations

import math

import numpy as np
import pytest

from models.evaluate.changepoints import Changes, after_dead_time, changepoint_score
from models.evaluate.nab import LOW_FN, LOW_FP, STANDARD


def score(changed, alarms, profile=LOW_FP):
    return changepoint_score([Changes(np.array(changed, dtype=float), np.array(alarms, dtype=float))], profile)


def test_silence_is_0_and_an_alarm_at_the_change_is_100():
    for profile in (STANDARD, LOW_FP, LOW_FN):
        assert score([100, 300], [], profile) == 0.0
        assert score([100, 300], [100, 300], profile) == pytest.approx(100.0)


def test_a_hit_halfway_earns_half_of_what_lies_between_hit_and_false_alarm():
    assert score([100], [130]) == pytest.approx(100 * ((1 - 0.22) / 2 + 1) / 2)
    assert score([100], [160]) == pytest.approx(100 * (1 - 0.22) / 2)  # at the end it is worth a false alarm
    x = math.tanh(math.pi * (0.25 - 0.5)) / math.tanh(math.pi / 2)
    assert score([100], [115]) == pytest.approx(100 * ((1.22 / 2) * (1 - x) - 0.22 + 1) / 2)


def test_only_the_first_hit_counts_and_what_is_outside_costs():
    assert score([100], [100, 110, 150]) == pytest.approx(100.0)
    assert score([100], [99, 100, 161], STANDARD) == pytest.approx(100 - 2 * 100 * 0.11 / 2)


def test_a_window_ends_where_the_next_begins():
    assert score([100, 120], [120]) == pytest.approx(50.0)
    assert score([100, 120], [100, 119, 120]) == pytest.approx(100.0)


def test_files_are_pooled():
    hit, miss = Changes(np.array([1.0]), np.array([1.0])), Changes(np.array([1.0]), np.array([]))
    assert changepoint_score([hit, miss]) == pytest.approx(50.0)
    assert np.isnan(changepoint_score([Changes(np.array([]), np.array([3.0]))]))


def test_an_alarm_silences_all_for_the_dead_time():
    assert after_dead_time(np.array([0.0, 5.0, 20.0, 21.0, 30.0, 42.0]), 20.0).tolist() == [0.0, 21.0, 42.0]
