"""Points lie where they must: the SVG is read back and its places turned into times and values again."""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element, fromstring

import pytest

from edge_gateway.explain.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Plot, draw

SVG = "{http://www.w3.org/2000/svg}"
START = 1_763_742_600 * 10**9
FLOOR, END = HEIGHT - BOTTOM, WIDTH - RIGHT


def drawn(plot: Plot) -> Element:
    return fromstring(draw(plot))


def of_class(svg: Element, name: str) -> list[Element]:
    return [element for element in svg.iter() if element.get("class") == name]


def value_at(svg: Element) -> tuple[float, float]:
    """Slope and offset of value over place, from two ticks and their labels."""
    ticks = [text for text in of_class(svg, "tick") if text.get("text-anchor") == "end"]
    (y1, v1), (y2, v2) = ((float(tick.get("y", "")), float(tick.text or "")) for tick in (ticks[0], ticks[-1]))
    slope = (v2 - v1) / (y2 - y1)
    return slope, v1 - slope * y1


def curve(svg: Element) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in (point.split(",") for point in line.get("points", "").split())]
        for line in of_class(svg, "curve")
    ]


def test_a_single_sample_is_a_dot_and_not_an_invisible_line() -> None:
    """What a rule shows of a tag that came with one sample in its block."""
    svg = drawn(Plot("p", "p", [(START, 30.0), (START + 1, math.nan), (START + 2, 31.0), (START + 9, 32.0)], 10.0))
    (dot,) = of_class(svg, "point")
    slope, offset = value_at(svg)
    assert slope * float(dot.get("cy", "")) + offset == pytest.approx(30.0, abs=0.1)
    assert [len(stretch) for stretch in curve(svg)] == [1, 2]


def test_points_lie_at_their_times_and_values() -> None:
    values = [(START, 1.0), (START + 10**9, 4.0), (START + 4 * 10**9, -2.5)]
    svg = drawn(Plot("p", "flow", values))
    (line,) = curve(svg)
    assert [x for x, _ in line] == pytest.approx([LEFT, LEFT + (END - LEFT) / 4, END], abs=0.01)
    slope, offset = value_at(svg)
    assert [slope * y + offset for _, y in line] == pytest.approx([1.0, 4.0, -2.5], abs=0.01)
    assert all(TOP <= y <= FLOOR for _, y in line)
    assert slope < 0  # what is more is higher up


def test_a_nanosecond_is_not_lost_in_the_age_of_the_epoch() -> None:
    (line,) = curve(drawn(Plot("p", "flow", [(START, 1.0), (START + 1, 2.0), (START + 2, 1.0)])))
    assert [x for x, _ in line] == pytest.approx([LEFT, (LEFT + END) / 2, END], abs=0.01)


def test_the_line_breaks_where_there_is_no_value() -> None:
    values = [(START + i, value) for i, value in enumerate([1.0, 2.0, math.nan, 3.0, math.inf, 4.0])]
    assert [len(stretch) for stretch in curve(drawn(Plot("p", "flow", values)))] == [2, 1, 1]


def test_the_limit_lies_at_its_value_even_beyond_the_curve() -> None:
    svg = drawn(Plot("p", "flow", [(START, 1.0), (START + 1, 2.0)], limit=10.0))
    (limit,) = of_class(svg, "limit")
    slope, offset = value_at(svg)
    assert slope * float(limit.get("y1", "")) + offset == pytest.approx(10.0, abs=0.05)
    assert TOP <= float(limit.get("y1", "")) <= FLOOR
    assert [text.text for text in of_class(svg, "limit-text")] == ["limit 10"]
    assert of_class(drawn(Plot("p", "flow", [(START, 1.0)])), "limit") == []


def test_the_deciding_window_is_shaded_and_hatched_where_it_was() -> None:
    second = 10**9
    values = [(START, 1.0), (START + 8 * second, 2.0)]
    svg = drawn(Plot("p", "flow", values, shade=(START + 6 * second, START + 10 * second)))
    (window,) = of_class(svg, "window")
    left, width = float(window.get("x", "")), float(window.get("width", ""))
    assert left == pytest.approx(LEFT + 0.6 * (END - LEFT), abs=0.01)
    assert left + width == pytest.approx(END, abs=0.02)
    (hatch,) = of_class(svg, "window-hatch")
    assert hatch.get("fill") == f"url(#{svg.find(f'{SVG}defs/{SVG}pattern').get('id')})"  # type: ignore[union-attr]


def test_the_moment_of_raising_is_marked() -> None:
    svg = drawn(Plot("p", "flow", [(START, 1.0), (START + 100, 2.0)], moment=START + 25))
    (line,) = of_class(svg, "moment")
    assert float(line.get("x1", "")) == pytest.approx(LEFT + (END - LEFT) / 4, abs=0.01)


def test_what_is_over_the_limit_has_another_shape() -> None:
    values = [(START, 0.5), (START + 1, 1.0), (START + 2, 1.5)]
    svg = drawn(Plot("p", "score", values, limit=1.0, is_dotted=True))
    assert len(of_class(svg, "under")) == 2
    (over,) = of_class(svg, "over")
    (line,) = curve(svg)
    assert over.tag == f"{SVG}path"
    x, y = (over.get("d", "").split()[0].removeprefix("M")).split(",")
    assert (float(x), float(y) + 6) == pytest.approx(line[2], abs=0.02)
    assert [text.text for text in of_class(svg, "value")] == ["1.5"]


@pytest.mark.parametrize("last", [0.98, 1.0, 1.02, 5.0])
def test_the_last_value_is_not_written_over_the_limit(last: float) -> None:
    svg = drawn(Plot("p", "score", [(START, 0.1), (START + 1, last)], limit=1.0, is_dotted=True))
    (value,), (limit,) = of_class(svg, "value"), of_class(svg, "limit-text")
    assert abs(float(value.get("y", "")) - float(limit.get("y", ""))) >= 15


@pytest.mark.parametrize("values", [[], [(START, math.nan)]])
def test_nothing_to_draw_is_nothing(values: list[tuple[int, float]]) -> None:
    assert draw(Plot("p", "flow", values, limit=1.0, shade=(START, START + 1))) == ""


def test_one_point_and_equal_values_are_drawn() -> None:
    assert curve(drawn(Plot("p", "flow", [(START, 0.0)])))[0][0][0] == LEFT
    assert len(curve(drawn(Plot("p", "flow", [(START, 3.0), (START + 1, 3.0)])))[0]) == 2


def test_a_hostile_label_stays_a_label() -> None:
    svg = drawn(Plot("p", '"><script>x</script>', [(START, 1.0)]))
    assert svg.get("aria-label") == '"><script>x</script>'
    assert not list(svg.iter(f"{SVG}script"))
