"""Pictures of the card: small SVG files, legible on light and dark pages and without colour."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, LEFT, RIGHT = 720, 150, 20
BINS = 360  # points of a curve; of each bin the largest score is drawn, for that is what alarms
MOST_TAGS = 12  # rows of a picture that still read well
LONGEST_NAME = 22  # letters that fit before a bar
HIGHEST = 4.0  # scores above are drawn here: one wild window must not press all others flat

_STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #222 } .quiet { fill: #666 }
.line { fill: none; stroke: #222; stroke-width: 1 } .bold { fill: none; stroke: #222; stroke-width: 2 }
.rule { stroke: #b00020; stroke-width: 1.5; stroke-dasharray: 6 4 } .axis { stroke: #999; stroke-width: 1 }
.bar { fill: #8a8f98 } .box { fill: #c9ccd2; stroke: #222 }
@media (prefers-color-scheme: dark) {
text { fill: #eee } .quiet { fill: #aaa } .line, .bold { stroke: #eee } .rule { stroke: #ff8a80 }
.axis { stroke: #777 } .bar { fill: #8a8f98 } .box { fill: #555b66; stroke: #eee } }
</style>"""


def picture_of_scores(kept: NDArray[np.float64], later: NDArray[np.float64]) -> str:
    """Scores in time order, training and then hold-out, with the limit.

    Args:
        kept: float64[n], of the rows the model was fitted on; NaN = none.
        later: float64[m], of the rows kept back.
    """
    top, height = 34.0, 180.0
    whole = np.concatenate([kept, later])
    most = float(np.nanmax(whole, initial=0.0))
    highest = min(max(1.25, most * 1.05), HIGHEST)
    top_label = f"{highest:.3g}" if most <= highest else f"{highest:.3g} or more"
    wide = WIDTH - LEFT - RIGHT

    def bins(scores: NDArray[np.float64]) -> int:
        return max(1, min(len(scores), BINS * len(scores) // max(1, len(whole))))

    def place(first: int, scores: NDArray[np.float64]) -> str:
        points = []
        for part in np.array_split(np.arange(len(scores)), bins(scores)):
            largest = np.fmax.reduce(scores[part], initial=np.nan)
            if np.isfinite(largest):
                x = LEFT + wide * (first + float(part.mean())) / max(1, len(whole) - 1)
                points.append(f"{x:.1f},{top + height * (1 - min(largest, highest) / highest):.1f}")
        return " ".join(points)

    border = LEFT + wide * (len(kept) - 0.5) / max(1, len(whole) - 1)
    limit = top + height * (1 - 1 / highest)
    parts = [
        _text(LEFT, 20, "training"),
        _text(border + 6, 20, "hold-out"),
        _line(LEFT, top + height, WIDTH - RIGHT, top + height, "axis"),
        _line(border, 8, border, top + height, "axis"),
        _line(LEFT, limit, WIDTH - RIGHT, limit, "rule"),
        _text(LEFT - 8, limit + 4, "limit 1.0", end=True),
        _text(LEFT - 8, top + 4, top_label, end=True, quiet=True),
        _text(LEFT - 8, top + height + 4, "score 0", end=True, quiet=True),
        f'<polyline class="line" points="{place(0, kept)}"/>',
        f'<polyline class="bold" points="{place(len(kept), later)}"/>',
    ]
    return _svg("Scores over training and hold-out, with the limit", int(top + height) + 16, parts)


def picture_of_shares(tags: Sequence[str], shares: NDArray[np.float64]) -> str:
    """Mean share of each tag in the scores of the hold-out, the largest first.

    Args:
        tags: Names.
        shares: float64[tags], sum to 1.
    """
    shown = np.argsort(-shares, kind="stable")[:MOST_TAGS]
    wide = WIDTH - LEFT - RIGHT - 50
    parts = []
    for row, tag in enumerate(shown):
        y, length = 10 + 22 * row, wide * float(shares[tag]) / max(float(shares.max()), 1e-12)
        parts += [
            _text(LEFT - 8, y + 13, _short(tags[tag]), end=True),
            f'<rect class="bar" x="{LEFT}" y="{y}" width="{length:.1f}" height="16"/>',
            _text(LEFT + length + 6, y + 13, f"{shares[tag]:.1%}", quiet=True),
        ]
    return _svg("Mean share of each tag in the scores of the hold-out", 16 + 22 * len(shown), parts)


def picture_of_baseline(
    tags: Sequence[str], edges: NDArray[np.float64], later: NDArray[np.float64], units: Sequence[str]
) -> str:
    """What drift is measured against: deciles of each tag in training, and below them where the hold-out lay.

    Args:
        tags: Names.
        edges: float64[tags, 9], inner deciles of the training rows.
        later: float64[n, tags], of the hold-out; NaN = missing.
        units: Engineering unit of each tag.
    """
    wide = WIDTH - LEFT - RIGHT - 90
    parts = []
    shown = min(len(tags), MOST_TAGS)
    for tag in range(shown):
        y, train = 10 + 44 * tag, edges[tag]
        seen = later[np.isfinite(later[:, tag]), tag]
        then = np.quantile(seen, [0.1, 0.5, 0.9]) if len(seen) else train[[0, 4, 8]]
        low, high = min(train[0], then[0]), max(train[8], then[2])
        span = high - low or 1.0

        def at(value: float, low: float = low, span: float = span) -> float:
            return LEFT + wide * (value - low) / span

        name = f"{tags[tag]} [{units[tag]}]" if units[tag] else tags[tag]
        parts += [
            _text(LEFT - 8, y + 14, _short(name), end=True),
            f'<rect class="box" x="{at(train[0]):.1f}" y="{y}" width="{at(train[8]) - at(train[0]):.1f}" height="14"/>',
            *(_line(at(edge), y, at(edge), y + 14, "axis") for edge in train[1:8]),
            _line(at(train[4]), y - 3, at(train[4]), y + 17, "bold"),
            _line(at(then[0]), y + 24, at(then[2]), y + 24, "bold"),
            _line(at(then[1]), y + 20, at(then[1]), y + 28, "bold"),
            _text(LEFT + wide + 8, y + 12, f"{train[0]:.4g} to {train[8]:.4g}", quiet=True),
        ]
    title = "Deciles of each tag in training (box, middle = median), and 10 to 90 % of the hold-out below (line)"
    return _svg(title, 16 + 44 * shown, parts)


def _short(name: str) -> str:
    """With its middle left out where it is too long: names of tags differ at their ends."""
    half = LONGEST_NAME // 2 - 1
    return name if len(name) <= LONGEST_NAME else f"{name[:half]}\u2026{name[-half:]}"


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return "\n".join([f'{head} role="img">', f"<title>{escape(title)}</title>", _STYLE, *parts, "</svg>\n"])


def _text(x: float, y: float, words: str, *, end: bool = False, quiet: bool = False) -> str:
    kind = ' class="quiet"' if quiet else ""
    anchor = ' text-anchor="end"' if end else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}{anchor}>{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
