from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from models.life.agreement import KEPT_PAIRS, Agreement, Figures, decode_agreement, rank_correlation


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def ends(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@pytest.fixture
def agreement() -> Agreement:
    return Agreement("pump@2", "pump@1")


def test_it_counts_what_each_would_have_done(agreement):
    nan = math.nan
    agreement.add("a", ends(1, 2, 3, 4, 5, 6), column(0.5, 1.5, 0.5, 2.0, 0.9, nan), column(0.6, 0.9, 1.1, 4.0, nan, 2))
    figures = agreement.figures()
    assert (figures.windows, figures.abstained) == (4, 1)
    assert (figures.only_active, figures.only_shadow, figures.both) == (1, 1, 1)
    assert figures.disagreement == 0.5
    assert figures.ratio == pytest.approx(np.median([1.2, 0.6, 2.2, 2.0]))


def test_a_window_that_comes_again_counts_once(agreement):
    agreement.add("a", ends(10, 20), column(1, 1), column(1, 1))
    agreement.add("a", ends(10, 20, 30), column(1, 1, 1), column(1, 1, 1))
    agreement.add("a", ends(20), column(1), column(1))
    agreement.add("b", ends(20), column(1), column(1))  # of another asset
    assert agreement.figures().windows == 4


def test_nothing_yet_is_no_number(agreement):
    figures = agreement.figures()
    assert math.isnan(figures.disagreement)
    assert math.isnan(figures.rank_correlation)
    assert math.isnan(figures.ratio)
    assert math.isnan(Figures().disagreement)


def test_the_pairs_are_bounded_and_the_counts_are_not(agreement):
    for at in range(3):
        span = np.arange(at * 1000, (at + 1) * 1000)
        agreement.add("a", span + 1, span / 1e4, span / 1e4)
    assert agreement.figures().windows == 3000
    assert len(agreement.scores) == KEPT_PAIRS
    assert agreement.figures().rank_correlation == pytest.approx(1.0)


def test_it_is_read_back(agreement):
    rng = np.random.default_rng(1)
    agreement.add("a", np.arange(50), rng.normal(size=50), rng.normal(size=50))
    agreement.failed("took 1 s")
    again = decode_agreement(agreement.encode())
    again.add("a", ends(49), column(9), column(9))  # counted before
    assert again.figures().errors == 1
    assert again.figures().last_error == "took 1 s"
    assert again.figures().windows == 50
    assert again.figures().rank_correlation == pytest.approx(agreement.figures().rank_correlation)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"schema": 1}', b'{"schema": 1, "scores": 3, "counted_to": []}'])
def test_a_damaged_file_is_told(data):
    with pytest.raises(ValueError, match=r"."):
        decode_agreement(data)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=40))
def test_the_rank_correlation_is_spearmans_ties_and_all(pairs):
    first, second = np.array(pairs, dtype=np.float64).T
    got = rank_correlation(first, second)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert math.isnan(got)
    else:
        assert got == pytest.approx(spearmanr(first, second).statistic, abs=1e-12)
