from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.downsample import downsample

S = 1_000_000_000
samples = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from([0.0, 1.0, -5.0, 7.5, 900.0, float("nan"), float("inf")])),
    max_size=60,
)


def thin(rows: list[tuple[int, float]], points: int) -> tuple[tuple[float, float], ...]:
    time = np.array([S + at * 1_000_000 for at, _ in rows], dtype=np.int64)
    return downsample(time, np.array([value for _, value in rows], dtype=np.float64), S, points)


def test_few_samples_stay_as_they_are_in_order_of_time() -> None:
    assert thin([(3, 1.0), (1, 2.0), (2, float("nan")), (1, 3.0)], 3) == ((1.0, 2.0), (1.0, 3.0), (3.0, 1.0))
    assert thin([], 2) == ()


def test_a_spike_of_one_sample_among_thousands_stays() -> None:
    rows = [(at, 1.0) for at in range(10_000)]
    rows[4321], rows[8765] = (4321, 99.0), (8765, -99.0)
    points = thin(rows, 100)
    assert len(points) <= 100
    assert (4321.0, 99.0) in points
    assert (8765.0, -99.0) in points


@settings(max_examples=200, deadline=None)
@given(rows=samples, points=st.integers(2, 20))
def test_every_point_is_a_sample_and_both_extremes_are_there(rows: list[tuple[int, float]], points: int) -> None:
    found = thin(rows, points)
    finite = [(float(at), value) for at, value in rows if np.isfinite(value)]
    assert len(found) == len(finite) if len(finite) <= points else len(found) <= points
    rest = list(finite)
    for point in found:
        rest.remove(point)  # each sample once
    assert [at for at, _ in found] == sorted(at for at, _ in found)
    if finite:
        values = [value for _, value in finite]
        assert {min(values), max(values)} <= {value for _, value in found}


def test_one_point_is_too_few() -> None:
    with pytest.raises(ValueError, match="points = 1"):
        thin([], 1)


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=9))
def test_values_are_told_as_exactly_as_a_picture_shows(values: list[float]) -> None:
    told = [value for _, value in thin(list(enumerate(values)), 10)]
    span = max(values) - min(values)
    assert np.abs(np.array(told) - values).max() <= span / 1000
    if span > 1e-3:
        assert all(len(repr(value)) <= 18 for value in told)
