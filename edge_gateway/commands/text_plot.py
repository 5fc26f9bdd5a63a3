"""A curve in a terminal: dots on a grid, a dashed line where the limit is. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

WIDTH, HEIGHT = 60, 8
_DOT, _OVER, _LIMIT = "•", "▲", "╌"


def text_plot(
    points: Sequence[tuple[float, float]], limit: float = math.nan, *, width: int = WIDTH, height: int = HEIGHT
) -> list[str]:
    """Lines of text, the highest value first; empty where no point is finite.

    Args:
        points: (x, y); those that are not finite are left out.
        limit: Drawn as a line, and what is above it as triangles; NaN = none.
        width: Columns of the grid.
        height: Rows of the grid.
    """
    good = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if not good:
        return []
    values = [y for _, y in good] + ([limit] if math.isfinite(limit) else [])
    bottom, top = min(values), max(values)
    left, right = min(x for x, _ in good), max(x for x, _ in good)
    grid = [[" "] * width for _ in range(height)]

    def row(y: float) -> int:
        return height - 1 if top == bottom else round((top - y) / (top - bottom) * (height - 1))

    if math.isfinite(limit):
        grid[row(limit)] = [_LIMIT] * width
    for x, y in good:
        column = 0 if right == left else round((x - left) / (right - left) * (width - 1))
        grid[row(y)][column] = _OVER if y > limit else _DOT
    labels = {row(top): f"{top:.4g}", row(bottom): f"{bottom:.4g}"}
    if math.isfinite(limit):
        labels[row(limit)] = f"limit {limit:.4g}"
    wide = max(map(len, labels.values()))
    return [f"{labels.get(number, ''):>{wide}} ┤{''.join(cells).rstrip()}" for number, cells in enumerate(grid)]
