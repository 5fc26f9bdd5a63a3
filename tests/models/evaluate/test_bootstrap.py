from __future__ import annotations

import numpy as np

from models.evaluate.bootstrap import interval


def test_of_a_mean_it_is_near_two_standard_errors_either_way():
    parts = list(np.random.default_rng(1).normal(10.0, 2.0, 100))
    low, high = interval(parts, lambda drawn: float(np.mean(drawn)), draws=2000)
    assert low < np.mean(parts) < high
    np.testing.assert_allclose(high - low, 2 * 1.96 * np.std(parts) / 10, rtol=0.1)


def test_files_are_drawn_whole_and_the_seed_decides():
    def seen(drawn):
        assert len(drawn) == 3
        assert set(drawn) <= {"a", "b", "c"}
        return float(len(set(drawn)))

    assert interval(["a", "b", "c"], seen, draws=50) == interval(["a", "b", "c"], seen, draws=50)


def test_draws_without_a_figure_do_not_count():
    low, high = interval([1.0, float("nan")], lambda drawn: float(np.mean(drawn)), draws=100)
    assert (low, high) == (1.0, 1.0)
