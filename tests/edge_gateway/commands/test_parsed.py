"""What people write as times, durations and speeds."""

from __future__ import annotations

import math
import time

import pytest
import typer

from edge_gateway.commands.parsed import moment, speed


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-01-31T08:15:00Z", 1_769_847_300_000_000_000),
        ("2026-01-31T08:15:00", 1_769_847_300_000_000_000),
        ("2026-01-31T09:15:00.25+01:00", 1_769_847_300_250_000_000),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
    ],
)
def test_moments(text: str, ns: int) -> None:
    assert moment(text) == ns


def test_how_long_ago() -> None:
    assert abs(moment("2h") - (time.time_ns() - 7200 * 10**9)) < 10**9


@pytest.mark.parametrize(("text", "value"), [("60x", 60.0), ("0.5x", 0.5), ("7", 7.0), ("max", math.inf)])
def test_speeds(text: str, value: float) -> None:
    assert speed(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [(moment, "yesterday"), (speed, "fast"), (speed, "0x"), (speed, "-1x"), (speed, "nan"), (speed, "inf")],
)
def test_refusals(read: object, text: str) -> None:
    with pytest.raises(typer.BadParameter, match=text):
        read(text)  # type: ignore[operator]
