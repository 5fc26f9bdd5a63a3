from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluate.nab import LOW_FN, LOW_FP, STANDARD, NabFile, best_threshold, nab_curve, nab_score, probation


def by_the_book(files, threshold, profile):
    """Row by row, as the paper tells it."""
    raw = windows = 0.0
    for file in files:
        n = len(file.score)
        alarms = [at for at in range(probation(n), n) if file.score[at] >= threshold]
        for first, last in file.windows:
            hits = [at for at in alarms if first <= at <= last]
            width = last - first + 1
            worth = [s(-(last - at + 1) / width) / s(-1) for at in hits]
            raw += max(worth) if worth else -profile.miss
            windows += 1
        for at in alarms:
            if any(first <= at <= last for first, last in file.windows):
                continue
            before = [(first, last) for first, last in file.windows if last < at]
            away = math.inf
            if before:
                away = (at - before[-1][1]) / max(before[-1][1] - before[-1][0], 1)
            raw += profile.false_alarm * (-1.0 if away > 3 else s(away))
    null, perfect = -profile.miss * windows, windows
    return 100 * (raw - null) / (perfect - null)


def s(position):
    return 2 / (1 + math.exp(5 * position)) - 1


@given(st.lists(st.integers(0, 6), min_size=70, max_size=90), st.integers(1, 6), st.sampled_from([1, 7, 20]))
def test_every_threshold_scores_as_by_the_book(score, threshold, width):
    # The first window may lie in the probation in part, the second may follow closely.
    windows = [(9, 9 + width - 1), (12 + width, 12 + 2 * width - 1)]
    files = [NabFile(np.array(score, dtype=float), windows), NabFile(np.array(score[::-1], dtype=float), [])]
    for profile in (STANDARD, LOW_FP, LOW_FN):
        assert nab_score(files, threshold, profile) == pytest.approx(by_the_book(files, threshold, profile))


def alarms(*rows):
    score = np.zeros(1000)
    score[list(rows)] = 1.0
    return [NabFile(score, [(400, 499)])]


def test_silence_is_0_and_an_alarm_at_the_start_of_the_window_is_100():
    assert nab_score(alarms(), 0.5) == 0.0
    assert nab_score(alarms(400), 0.5) == pytest.approx(100.0)
    assert nab_score(alarms(400, 450, 499), 0.5) == pytest.approx(100.0)


def test_a_late_hit_earns_less_and_one_just_after_the_window_next_to_nothing():
    assert nab_score(alarms(450), 0.5) == pytest.approx(50 * (1 + s(-0.5) / s(-1)))
    assert -1 < nab_score(alarms(500), 0.5) < 0


def test_a_false_alarm_costs_what_the_profile_says():
    assert nab_score(alarms(400, 300), 0.5) == pytest.approx(100 - 100 * 0.11 / 2)
    assert nab_score(alarms(400, 300), 0.5, LOW_FP) == pytest.approx(100 - 100 * 0.22 / 2)
    assert nab_score(alarms(400, 300), 0.5, LOW_FN) == pytest.approx(100 - 100 * 0.11 / 3)


def test_nothing_counts_in_the_probation():
    assert nab_score(alarms(0, 149, 400), 0.5) == pytest.approx(100.0)
    assert nab_score(alarms(150, 400), 0.5) < 100.0
    assert probation(100_000) == 750


def test_the_best_threshold_is_the_best_of_all():
    rng = np.random.default_rng(2)
    files = [NabFile(rng.random(300), [(100, 130), (200, 240)]) for _ in range(3)]
    threshold, score = best_threshold(files)
    assert score == pytest.approx(nab_score(files, threshold))
    assert score == nab_curve(files, STANDARD)[1].max()


def test_where_every_alarm_costs_silence_is_best():
    assert best_threshold([NabFile(np.arange(100.0), [(20, 22)])]) == (math.inf, 0.0)
