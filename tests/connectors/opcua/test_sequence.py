"""Sequence numbers wrap from 2^32 - 1 to 1, and gaps are counted across the wrap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.opcua.sequence import after, ahead, following

LAST = 2**32 - 1


def test_there_is_no_zero() -> None:
    assert after(LAST) == 1
    assert after(1) == 2


@given(start=st.integers(1, LAST), steps=st.integers(0, 50))
def test_ahead_counts_the_steps_both_ways(start: int, steps: int) -> None:
    sequence = start
    for _ in range(steps):
        sequence = after(sequence)
    assert ahead(sequence, start) == steps
    assert ahead(start, sequence) == -steps


def test_following_runs_across_the_wrap() -> None:
    assert list(following(LAST - 1, 4)) == [LAST - 1, LAST, 1, 2]
