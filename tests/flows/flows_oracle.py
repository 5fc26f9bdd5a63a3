"""Windows the slow and obvious way: plain Python, one sample at a time. What the fast path must agree with exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from connectors.samples import Item, Notice, NoticeKind
from flows.window_settings import WindowSettings


@dataclass
class Window:
    samples: dict[int, list[tuple[int, float]]] = field(default_factory=dict)  # tag -> (time, value) in arrival order
    bad: dict[int, int] = field(default_factory=dict)


@dataclass
class Oracle:
    """One asset. `closed` holds (start, tag -> [(time, value)], tag -> bad count) in order of closing."""

    settings: WindowSettings
    windows: dict[int, Window] = field(default_factory=dict)  # open, by start
    watermark: int | None = None
    closed: list[tuple[int, dict[int, list[tuple[int, float]]], dict[int, int], int]] = field(default_factory=list)
    late: list[tuple[int, int, float, int]] = field(default_factory=list)
    received: int = 0
    placed: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    notices: list[tuple[str, str]] = field(default_factory=list)

    def starts_of(self, time: int) -> list[int]:
        """All windows that hold a time, earliest first."""
        every, length = self.settings.every_ns, self.settings.length_ns
        newest = time // every * every
        return [newest - hop * every for hop in reversed(range(length // every))]

    def is_closed(self, start: int) -> bool:
        return self.watermark is not None and start + self.settings.length_ns <= self.watermark

    def push(self, item: Item) -> None:
        if isinstance(item, Notice):
            if item.kind is NoticeKind.IDLE:
                self.advance(item.end - self.settings.lateness_ns, item.end)
                return
            self.notices.append((str(item.kind), item.reason))
            if item.kind is NoticeKind.DROPPED:
                self.received += item.count
                self.dropped[item.reason] = self.dropped.get(item.reason, 0) + item.count
            return
        newest = None
        for tag, time, value, status in zip(
            item.tag.tolist(), item.source_time.tolist(), item.value.tolist(), item.status.tolist(), strict=True
        ):
            self.received += 1
            if time > item.received_time + self.settings.allowed_skew_ns:
                self.dropped["clock_skew"] = self.dropped.get("clock_skew", 0) + 1
                continue
            starts = [start for start in self.starts_of(time) if not self.is_closed(start)]
            if not starts:
                self.late.append((tag, time, value, self.starts_of(time)[-1]))
                continue
            self.placed += 1
            newest = time if newest is None else max(newest, time)
            for start in starts:
                window = self.windows.setdefault(start, Window())
                if status >> 30 == 0 and math.isfinite(value):
                    window.samples.setdefault(tag, []).append((time, value))
                else:
                    window.bad[tag] = window.bad.get(tag, 0) + 1
        if newest is not None:
            self.advance(newest - self.settings.lateness_ns, item.received_time)

    def advance(self, watermark: int, received: int) -> None:
        if self.watermark is None or watermark > self.watermark:
            self.watermark = watermark
        for start in sorted(self.windows):
            if self.is_closed(start):
                window = self.windows.pop(start)
                samples = {tag: sorted(rows, key=lambda row: row[0]) for tag, rows in window.samples.items()}
                self.closed.append((start, samples, window.bad, received))


def plain(block: Any) -> list[tuple[int, dict[int, list[tuple[float, float]]], dict[int, int], int]]:
    """A `WindowBlock` in the oracle's words, times still in seconds since the start of the window."""
    out = []
    tags = len(block.tags)
    grouped = block.grouped
    offsets = grouped.segments.offsets
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
        out.append((int(block.start[row]), samples, bad, block.decided_received))
    return out
