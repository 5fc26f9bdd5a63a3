from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluate.ranking import average_precision
from models.evaluate.vus import range_pr_auc, soft_labels, vus_pr


def by_the_book(score, truth, buffer):
    label = soft_labels(truth, buffer)
    positives = (truth.sum() + label.sum()) / 2
    area, before = 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        flagged = score >= threshold
        events = np.split(np.arange(len(label)), np.flatnonzero(np.diff((label > 0).astype(int))) + 1)
        events = [rows for rows in events if label[rows[0]] > 0]
        existence = np.mean([flagged[rows].any() for rows in events])
        recall = min(1.0, label[flagged].sum() / positives) * existence
        area += (recall - before) * label[flagged].sum() / flagged.sum()
        before = recall
    return area


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30), st.integers(0, 8))
def test_the_area_is_as_by_the_book(rows, buffer):
    score, truth = np.array([r[0] for r in rows], dtype=float), np.array([r[1] for r in rows])
    if truth.any():
        assert range_pr_auc(score, truth, buffer) == pytest.approx(by_the_book(score, truth, buffer))


def test_labels_fade_around_an_event_and_never_exceed_1():
    truth = np.array([0, 0, 0, 1, 0, 0, 1, 0, 0, 0], dtype=bool)
    near, far = np.sqrt(1 - 1 / 4), np.sqrt(1 - 2 / 4)
    want = [0, far, near, 1, 1, 1, 1, near, far, 0]
    np.testing.assert_allclose(soft_labels(truth, 4), want)


def test_one_event_and_no_buffer_is_average_precision():
    score, truth = np.array([1.0, 2, 9, 3, 8, 1]), np.array([0, 0, 1, 1, 0, 0], dtype=bool)
    assert range_pr_auc(score, truth, 0) == pytest.approx(average_precision(score, truth))


def test_a_perfect_score_is_1_and_a_near_miss_is_forgiven_by_the_buffer_only():
    truth = np.zeros(200, dtype=bool)
    truth[100:110] = True
    late = np.roll(truth, 4).astype(float)
    assert vus_pr(truth.astype(float), truth, longest=0) == 1.0
    assert vus_pr(late, truth, longest=20) > 1.2 * vus_pr(late, truth, longest=0)


def test_a_score_that_knows_nothing_is_near_the_share_of_anomalous_rows():
    rng = np.random.default_rng(1)
    truth = np.zeros(5000, dtype=bool)
    truth[1000:1250] = True
    assert vus_pr(rng.random(5000), truth, longest=0) == pytest.approx(0.05, abs=0.02)
    assert np.isnan(vus_pr(rng.random(10), np.zeros(10, dtype=bool), longest=4))
