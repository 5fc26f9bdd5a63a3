from __future__ import annotations

import pytest

from edge_gateway.times import clock_text, span_text, utc_text

SECOND = 10**9


def test_times_are_utc() -> None:
    at = 1_763_742_600 * SECOND + 123_999_999
    assert utc_text(at) == "2025-11-21T16:30:00.123Z"
    assert clock_text(at) == "2025-11-21 16:30:00.123"
    assert clock_text(1_763_742_600 * SECOND) == "2025-11-21 16:30:00"


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ms"),
        (1_500_000, "1.5 ms"),
        (59 * SECOND, "59 s"),
        (60 * SECOND, "1 min"),
        (95 * SECOND, "1 min 35 s"),
        (3600 * SECOND + 20 * SECOND, "1 h"),
        (-90 * SECOND, "-1 min 30 s"),
        (49 * 3600 * SECOND + 60 * SECOND, "2 d 1 h"),
    ],
)
def test_spans_have_two_units_at_most(ns: int, text: str) -> None:
    assert span_text(ns) == text
