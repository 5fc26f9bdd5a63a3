"""The books of a stream: per asset, how many samples came and how far event time got. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Line(NamedTuple):
    """One asset's line in the books.

    Attributes:
        samples: How many so far, since the journal began: those in blocks and those that a DROPPED notice speaks for.
        newest: Newest source time so far, ns since the epoch, never later than it was received; 0 = none yet.
    """

    samples: int = 0
    newest: int = 0


_EMPTY = Line()


@dataclass(slots=True)
class Books:
    """Cumulative lines by asset. Two positions of one journal differ by exactly what lies between them."""

    lines: dict[str, Line] = field(default_factory=dict)

    def add(self, asset: str, samples: int, newest: int) -> None:
        """Enter a block or notice."""
        line = self.lines.get(asset, _EMPTY)
        self.lines[asset] = Line(line.samples + samples, newest if newest > line.newest else line.newest)

    def of(self, asset: str) -> Line:
        """Line of an asset, zero where nothing was entered."""
        return self.lines.get(asset, _EMPTY)

    @property
    def total(self) -> int:
        """Samples of all assets."""
        return sum(line.samples for line in self.lines.values())

    def missing_from(self, earlier: Books) -> dict[str, tuple[Line, Line]]:
        """Assets of which something lies between `earlier` and here, with both lines."""
        return {
            asset: (earlier.of(asset), line)
            for asset, line in self.lines.items()
            if line.samples > earlier.of(asset).samples
        }

    def at_least(self, other: Books) -> Books:
        """Line by line the larger of both: books never run backwards."""
        lines = dict(self.lines)
        for asset, line in other.lines.items():
            mine = self.of(asset)
            lines[asset] = Line(max(mine.samples, line.samples), max(mine.newest, line.newest))
        return Books(lines)

    def copy(self) -> Books:
        """An independent copy."""
        return Books(dict(self.lines))

    def to_json(self) -> dict[str, list[int]]:
        """As plain values."""
        return {asset: list(line) for asset, line in self.lines.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, list[int]]) -> Books:
        """Inverse of `to_json`."""
        return cls({asset: Line(*line) for asset, line in data.items()})
