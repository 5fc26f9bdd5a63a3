from __future__ import annotations

import numpy as np

from models.baseline import baseline_of, shares_of

RNG = np.random.default_rng(3)


def test_a_tenth_of_the_rows_lies_in_each_bin():
    baseline = baseline_of(RNG.normal(size=(1000, 2, 3)), RNG.normal(size=500))
    assert baseline.misfit(2, 3) is None
    np.testing.assert_allclose(baseline.shares, 0.1, atol=0.002)
    np.testing.assert_allclose(baseline.score_shares, 0.1, atol=0.002)


def test_where_values_repeat_the_shares_say_so():
    rows = np.zeros((10, 1, 1))
    rows[9] = 1.0
    baseline = baseline_of(rows, np.arange(10.0))
    assert baseline.misfit(1, 1) is None
    assert baseline.shares[0, 0, 0] == 0.9
    assert baseline.shares[0, 0, 9] == 0.1


def test_a_value_on_an_edge_counts_below_it():
    edges = np.arange(1.0, 10.0)
    assert shares_of(np.array([1.0]), edges).argmax() == 0
    assert shares_of(np.array([1.0 + 1e-12]), edges).argmax() == 1
    assert shares_of(np.array([100.0]), edges).argmax() == 9
    assert shares_of(np.array([]), edges).sum() == 0


def test_missing_values_are_left_out():
    rows = RNG.normal(size=(100, 1, 1))
    holed = np.concatenate([rows, np.full((20, 1, 1), np.nan)])
    np.testing.assert_array_equal(baseline_of(holed, rows[:, 0, 0]).edges, baseline_of(rows, rows[:, 0, 0]).edges)


def test_another_model_is_told():
    baseline = baseline_of(RNG.normal(size=(100, 2, 3)), RNG.normal(size=50))
    assert "edges must be float64[3, 3, 9]" in (baseline.misfit(3, 3) or "")
