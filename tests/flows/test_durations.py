from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.durations import duration, to_ns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("250ms", timedelta(milliseconds=250)),
        ("10s", timedelta(seconds=10)),
        (" 1.5 min ", timedelta(seconds=90)),
        ("1h", timedelta(hours=1)),
        ("2d", timedelta(days=2)),
        ("0s", timedelta(0)),
        ("0.001ms", timedelta(microseconds=1)),
    ],
)
def test_parses(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "10", "s", "10 sec", "-1s", "1e3s", "1m", "10s 5s", "\u0661s", "1.s"])
def test_refuses_with_the_name_the_value_and_the_rule(text: str) -> None:
    with pytest.raises(ValueError, match=r"lateness = .*: not a duration; write a number and a unit out of ms, s, min"):
        duration(text, "lateness")


@pytest.mark.parametrize(("text", "rule"), [("0.0001ms", "whole microseconds"), ("999999999999d", "longer than")])
def test_refuses_what_a_timedelta_cannot_hold(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        duration(text)


@given(st.integers(0, 10**12))
def test_is_exact(microseconds: int) -> None:
    value = timedelta(microseconds=microseconds)
    assert duration(value) is value
    assert to_ns(value) == microseconds * 1000
    assert duration(f"{microseconds}ms") == timedelta(milliseconds=microseconds)
