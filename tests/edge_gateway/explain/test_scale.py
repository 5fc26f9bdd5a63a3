from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.explain.scale import Scale, time_ticks, value_domain, value_ticks

SECOND = 10**9
NOON = 1_763_726_400 * SECOND  # 2025-11-21 12:00:00 UTC


def test_a_scale_is_a_line() -> None:
    up = Scale(0, 10, 200, 100)
    assert [up(0), up(5), up(10)] == [200, 150, 100]


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12))
def test_ticks_lie_in_the_domain_and_are_evenly_apart(low: float, span: float) -> None:
    high = low + span
    if high - low < 1e-9 * max(abs(low), abs(high)):
        return  # a float cannot tell the two apart well enough
    ticks = value_ticks(low, high)
    assert 1 <= len(ticks) <= 7
    slack = 1e-9 * max(abs(low), abs(high), span)
    assert all(low - slack <= tick <= high + slack for tick in ticks)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.2, 3.2, [1, 2, 3]), (0, 100, [0, 20, 40, 60, 80, 100]), (-1.1, 1.1, [-1.0, -0.5, 0, 0.5, 1.0])],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert value_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize("values", [[], [math.nan], [5.0], [0.0, 0.0], [math.inf, 1.0], [-3.0, 4.0]])
def test_a_domain_is_never_empty_and_holds_what_is_finite(values: list[float]) -> None:
    low, high = value_domain(values)
    assert low < high
    assert all(low < value < high for value in values if math.isfinite(value))


@pytest.mark.parametrize(
    ("length", "first_labels"),
    [
        (30_000_000, ["12:00:00.000", "12:00:00.005"]),
        (10 * SECOND, ["12:00:00", "12:00:02"]),
        (3600 * SECOND, ["12:00", "12:10"]),
        (86_400 * SECOND, ["12:00", "18:00"]),
        (20 * 86_400 * SECOND, ["11-24", "11-28"]),
    ],
)
def test_times_are_round_and_in_utc(length: int, first_labels: list[str]) -> None:
    ticks = time_ticks(NOON, NOON + length)
    assert [label for _, label in ticks][:2] == first_labels
    assert all(NOON <= at <= NOON + length for at, _ in ticks)
    assert len({after - before for (before, _), (after, _) in pairwise(ticks)}) == 1


def test_times_of_one_moment() -> None:
    assert time_ticks(NOON + 1, NOON + 2) == []
