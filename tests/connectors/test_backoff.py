"""Back-off: grows, stays within the cap, spreads, begins again."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.backoff import Backoff


@given(first=st.floats(0.01, 10), factor=st.floats(1, 1000), seed=st.integers(0, 2**32), tries=st.integers(1, 60))
def test_every_delay_is_positive_and_within_the_cap(first: float, factor: float, seed: int, tries: int) -> None:
    cap = timedelta(seconds=first * factor)
    backoff = Backoff(timedelta(seconds=first), max(cap, timedelta(seconds=first)), random.Random(seed))
    delays = [backoff.next() for _ in range(tries)]
    assert all(0 < delay <= max(cap.total_seconds(), first) * (1 + 1e-6) for delay in delays)


def test_doubles_and_then_stays_at_the_cap_within_the_jitter() -> None:
    backoff = Backoff(timedelta(seconds=1), timedelta(seconds=8), random.Random(1))
    delays = [backoff.next() for _ in range(6)]
    for delay, base in zip(delays, [1, 2, 4, 8, 8, 8], strict=True):
        assert 0.8 * base <= delay <= min(1.2 * base, 8)


def test_two_gateways_do_not_come_back_together() -> None:
    one = Backoff(timedelta(seconds=1), timedelta(seconds=8), random.Random(1))
    two = Backoff(timedelta(seconds=1), timedelta(seconds=8), random.Random(2))
    assert one.next() != two.next()


def test_reset_begins_with_the_first_delay() -> None:
    backoff = Backoff(timedelta(seconds=1), timedelta(seconds=8), random.Random(1))
    for _ in range(5):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 1.2


def test_a_cap_below_the_first_delay_is_refused() -> None:
    with pytest.raises(ValueError, match="first delay"):
        Backoff(timedelta(seconds=2), timedelta(seconds=1), random.Random(1))
