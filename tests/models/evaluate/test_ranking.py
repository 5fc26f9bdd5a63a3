from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from models.evaluate.ranking import average_precision, roc_auc

SCORED = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30).filter(
    lambda rows: len({kind for _, kind in rows}) == 2
)


def columns(rows):
    return np.array([score for score, _ in rows], dtype=float), np.array([kind for _, kind in rows])


@given(SCORED)
def test_roc_auc_is_the_share_of_pairs_in_the_right_order(rows):
    score, truth = columns(rows)
    pairs = [(a > b) + (a == b) / 2 for a in score[truth] for b in score[~truth]]
    assert roc_auc(score, truth) == pytest.approx(np.mean(pairs))
    assert roc_auc(score, truth) == pytest.approx(roc_auc_score(truth, score))


@given(SCORED)
def test_average_precision_is_that_of_scikit_learn(rows):
    score, truth = columns(rows)
    assert average_precision(score, truth) == pytest.approx(average_precision_score(truth, score))


def test_a_case_counted_by_hand():
    score, truth = np.array([4.0, 3.0, 2.0, 1.0]), np.array([True, False, True, False])
    assert roc_auc(score, truth) == 0.75
    assert average_precision(score, truth) == pytest.approx((1 + 2 / 3) / 2)


def test_rows_of_one_kind_cannot_be_ranked():
    assert np.isnan(roc_auc(np.ones(3), np.zeros(3, dtype=bool)))
    assert np.isnan(average_precision(np.ones(3), np.zeros(3, dtype=bool)))
