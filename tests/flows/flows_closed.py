"""A closed window in plain values: what the oracle hands out, and what the fast path is turned into."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class Closed:
    """A window as the oracle sees it; what is per tag stands by number of the tag."""

    start: int
    end: int
    samples: dict[int, list[tuple[float, float]]]  # seconds since the start, value
    bad: dict[int, int]
    coverage: list[float]
    held: list[float]
    gap_s: list[float]
    origins: list[int]
    received: int
    partial: bool

    def __eq__(self, other: object) -> bool:
        return repr(self) == repr(other)  # NaN equals NaN

    def __hash__(self) -> int:
        return hash(self.start)


def plain(block: Any) -> list[Closed]:
    """A `WindowBlock` in the oracle's words."""
    out = []
    tags = len(block.tags)
    grouped = block.grouped
    offsets = grouped.segments.offsets
    coverage = grouped.coverage.reshape(-1, tags)
    for row in range(len(block)):
        samples, bad = {}, {}
        for tag in range(tags):
            at = row * tags + tag
            span = slice(offsets[at], offsets[at + 1])
            assert grouped.n[at] == span.stop - span.start
            if grouped.n[at]:
                times, values = grouped.segments.time_s[span].tolist(), grouped.segments.value[span].tolist()
                samples[tag] = list(zip(times, values, strict=True))
            if grouped.n_bad[at]:
                bad[tag] = int(grouped.n_bad[at])
        out.append(
            Closed(
                int(block.start[row]),
                int(block.end[row]),
                samples,
                bad,
                coverage[row].tolist(),
                [math.nan] * tags if block.held is None else block.held[row].tolist(),
                block.gap_s[row].tolist(),
                block.origins[row].tolist(),
                block.decided_received,
                block.partial,
            )
        )
    return out
