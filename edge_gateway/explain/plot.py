"""A curve over time as SVG. What colour says is also said by shape: dashes, hatching, triangles, words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_gateway.explain.markup import number, text
from edge_gateway.explain.scale import Scale, time_ticks, value_domain, value_ticks

WIDTH, HEIGHT = 760, 230
LEFT, RIGHT, TOP, BOTTOM = 58, 82, 24, 28
_LINE = 15  # height of a line of text


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn.

    Attributes:
        name: Unique on the page; ids are made of it.
        label: For those who hear the page instead of seeing it.
        points: (ns since the epoch, value), in order of time; the line is broken where a value is not finite.
        limit: Drawn as a dashed line; NaN = none.
        shade: From and to, ns since the epoch, of what decided; None = nothing.
        moment: When the alarm was raised, ns since the epoch; None = not marked.
        is_dotted: Each point has a mark: a circle, and a triangle where it is above the limit.
    """

    name: str
    label: str
    points: Sequence[tuple[int, float]]
    limit: float = math.nan
    shade: tuple[int, int] | None = None
    moment: int | None = None
    is_dotted: bool = False


def draw(plot: Plot) -> str:
    """The plot as an `svg` element; "" where there is no finite point."""
    good = [(at, value) for at, value in plot.points if math.isfinite(value)]
    if not good:
        return ""
    times = [at for at, _ in good] + list(plot.shade or ()) + ([] if plot.moment is None else [plot.moment])
    start, end = min(times), max(times)
    end = max(end, start + 1)
    x = Scale(
        0, end - start, LEFT, WIDTH - RIGHT
    )  # of ns since the start: a float cannot tell ns since the epoch apart
    y = Scale(*value_domain([*(value for _, value in good), plot.limit]), HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{text(plot.label)}">',
        *_shade(plot, start, x),
        *_axes(start, end, x, y),
        *_lines(plot.points, start, x, y),
        *_limit(plot.limit, y),
        *_moment(plot.moment, start, x),
        *(_marks(good, plot.limit, start, x, y) if plot.is_dotted else ()),
        "</svg>",
    ]
    return "\n".join(parts)


def _shade(plot: Plot, start: int, x: Scale) -> Iterator[str]:
    if plot.shade is None:
        return
    left, right = (x(at - start) for at in plot.shade)
    hatch = f"hatch-{plot.name}"
    box = f'x="{number(left)}" y="{TOP}" width="{number(right - left)}" height="{HEIGHT - BOTTOM - TOP}"'
    yield f'<defs><pattern id="{hatch}" width="7" height="7" patternUnits="userSpaceOnUse" '
    yield 'patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="7"/></pattern></defs>'
    yield f'<rect class="window" {box}/><rect class="window-hatch" {box} fill="url(#{hatch})"/>'
    middle = min(max((left + right) / 2, LEFT + 45), WIDTH - RIGHT - 45)
    yield f'<text class="note" x="{number(middle)}" y="{TOP - 8}" text-anchor="middle">deciding window</text>'


def _axes(start: int, end: int, x: Scale, y: Scale) -> Iterator[str]:
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
    for value in value_ticks(y.low, y.high):
        at = number(y(value))
        yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{at}" y2="{at}"/>'
        yield f'<text class="tick" x="{LEFT - 8}" y="{at}" dy="0.35em" text-anchor="end">{value:.6g}</text>'
    for time, label in time_ticks(start, end):
        at = number(x(time - start))
        yield f'<line class="axis" x1="{at}" x2="{at}" y1="{floor}" y2="{floor + 5}"/>'
        yield f'<text class="tick" x="{at}" y="{floor + 19}" text-anchor="middle">{label}</text>'
    yield f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{floor}" y2="{floor}"/>'


def _lines(points: Sequence[tuple[int, float]], start: int, x: Scale, y: Scale) -> Iterator[str]:
    stretch: list[str] = []
    for at, value in [*points, (0, math.nan)]:
        if math.isfinite(value):
            stretch.append(f"{number(x(at - start))},{number(y(value))}")
        elif stretch:
            if len(stretch) == 1:  # a line of one point is not seen
                across, down = stretch[0].split(",")
                yield f'<circle class="point" cx="{across}" cy="{down}" r="3.5"/>'
            yield f'<polyline class="curve" points="{" ".join(stretch)}"/>'
            stretch = []


def _limit(limit: float, y: Scale) -> Iterator[str]:
    if math.isfinite(limit):
        at, right = number(y(limit)), WIDTH - RIGHT
        yield f'<line class="limit" x1="{LEFT}" x2="{right}" y1="{at}" y2="{at}"/>'
        yield f'<text class="limit-text" x="{right + 6}" y="{at}" dy="0.35em">limit {limit:.4g}</text>'


def _moment(moment: int | None, start: int, x: Scale) -> Iterator[str]:
    if moment is not None:
        at = x(moment - start)
        yield f'<line class="moment" x1="{number(at)}" x2="{number(at)}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        yield f'<text class="note" x="{number(at)}" y="{TOP - 8}" text-anchor="middle">▲ raised</text>'


def _marks(points: Sequence[tuple[int, float]], limit: float, start: int, x: Scale, y: Scale) -> Iterator[str]:
    for at, value in points:
        across, down = x(at - start), y(value)
        if value > limit:
            path = f"M{number(across)},{number(down - 6)} l5.2,9 h-10.4 z"
            yield f'<path class="over" d="{path}"/>'
        else:
            yield f'<circle class="under" cx="{number(across)}" cy="{number(down)}" r="3.5"/>'
    at, value = points[-1]
    down = y(value)
    if abs(down - y(limit)) < _LINE:  # beside the limit's own label, which says a number too
        down = y(limit) + (_LINE if value <= limit else -_LINE)
    place = f'x="{number(x(at - start) + 9)}" y="{number(down)}" dy="0.35em"'
    yield f'<text class="value" {place}>{value:.3g}</text>'
