from __future__ import annotations

import math

from edge_gateway.commands.text_plot import text_plot


def test_highest_first_and_what_is_over_the_limit_is_marked() -> None:
    lines = text_plot([(0, 0.0), (1, 1.0), (2, 2.0), (3, 4.0)], 2.0, width=4, height=5)
    assert lines == [
        "      4 ┤   ▲",
        "        ┤",
        "limit 2 ┤╌╌•╌",
        "        ┤ •",
        "      0 ┤•",
    ]


def test_the_limit_is_seen_even_beyond_the_points() -> None:
    lines = text_plot([(0, 0.0), (1, 1.0)], 4.0, width=2, height=5)
    assert lines[0] == "limit 4 ┤╌╌"
    assert "▲" not in "".join(lines)


def test_what_is_no_number_is_left_out() -> None:
    assert text_plot([(0, math.nan), (math.inf, 1.0)], 1.0) == []
    assert text_plot([], math.nan) == []


def test_one_value() -> None:
    assert text_plot([(5, 3.0)], width=3, height=2) == ["  ┤", "3 ┤•"]
