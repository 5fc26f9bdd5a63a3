"""Windows the slow and obvious way: plain Python, one sample at a time. What the fast path must agree with exactly."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from flows_closed import Closed

from connectors.samples import Item, Notice, NoticeKind, Origin
from connectors.tags import TagTable
from flows.data_settings import CountSettings, SessionSettings
from flows.window_kinds import AnyWindowSettings
from flows.window_settings import WindowSettings


class Row(NamedTuple):
    time: int
    order: int
    tag: int
    value: float
    good: bool
    origin: Origin


@dataclass
class Oracle:
    """One asset, no history. `closed` in order of closing."""

    settings: AnyWindowSettings
    tags: TagTable
    rows: list[Row] = field(default_factory=list)  # placed; all of them, open or not
    held: dict[int, float] = field(default_factory=dict)  # before all `rows`
    open: set[int] = field(default_factory=set)  # starts of windows of a fixed length
    begin: int | None = None  # nothing older has an open window, whatever the watermark
    watermark: int | None = None
    newest: int | None = None
    closed: list[Closed] = field(default_factory=list)
    late: list[tuple[int, int, float, int, int]] = field(default_factory=list)
    received: int = 0
    placed: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    ahead: int = 0
    refused_since: int | None = None
    followed: int = 0
    handed: set[int] = field(default_factory=set)
    floor: int | None = None  # the first start that was handed out; what lies before is taken as handed out
    data_closed: list[tuple[int, int]] = field(default_factory=list)

    # --- what is late

    def starts_of(self, time: int) -> list[int]:
        """All windows of a fixed length that hold a time, earliest first."""
        assert isinstance(self.settings, WindowSettings)
        every, length, align = self.settings.every_ns, self.settings.length_ns, self.settings.align_ns
        newest = (time - align) // every * every + align
        return [newest - hop * every for hop in reversed(range(length // every))]

    def is_closed(self, start: int) -> bool:
        assert isinstance(self.settings, WindowSettings)
        end = start + self.settings.length_ns
        return (self.watermark is not None and end <= self.watermark) or (self.begin is not None and end <= self.begin)

    def is_late(self, time: int) -> bool:
        if isinstance(self.settings, WindowSettings):
            return all(self.is_closed(start) for start in self.starts_of(time))
        return self.begin is not None and time < self.begin

    def missed(self, time: int) -> tuple[int, int]:
        if isinstance(self.settings, WindowSettings):
            start = self.starts_of(time)[-1]
            return start, start + self.settings.length_ns
        for start, bound in self.data_closed[-32:]:
            if start <= time < bound:
                return start, bound
        return time, time + 1

    # --- what comes

    def push(self, item: Item) -> None:
        if isinstance(item, Notice):
            if item.kind is NoticeKind.IDLE:
                end = item.end
                skew = self.settings.allowed_skew_ns
                known = bool(self.followed and item.start) and self.newest is not None
                if known and abs(item.start - self.newest) > skew:
                    end = self.newest + item.end - item.start
                self.advance(end - self.settings.lateness_ns, item.end)
                return
            self.told.append((str(item.kind), item.reason))
            if item.kind is NoticeKind.DROPPED:
                self.received += item.count
                self.dropped[item.reason] = self.dropped.get(item.reason, 0) + item.count
            return
        times = item.source_time.tolist()
        if item.origin is Origin.LIVE and times and self.must_follow(times, item.received_time):
            self.follow(times, item.received_time)
        skew = self.settings.allowed_skew_ns
        limit = item.received_time + skew + self.ahead
        fresh = []
        for tag, time, value, status in zip(
            item.tag.tolist(), times, item.value.tolist(), item.status.tolist(), strict=True
        ):
            self.received += 1
            if time > limit:
                self.dropped["clock_skew"] = self.dropped.get("clock_skew", 0) + 1
            elif self.is_late(time):
                self.late.append((tag, time, value, *self.missed(time)))
            else:
                self.placed += 1
                good = status >> 30 == 0 and math.isfinite(value)
                fresh.append(Row(time, self.placed, tag, value, good, item.origin))
        if not fresh:
            return
        for row in fresh:
            self.rows.append(row)
            if isinstance(self.settings, WindowSettings):
                self.open |= {start for start in self.starts_of(row.time) if not self.is_closed(start)}
        newest = max(row.time for row in fresh)
        if item.origin is Origin.LIVE:
            self.refused_since = None
            if newest <= item.received_time + skew:
                self.ahead = 0
        if self.newest is None or newest > self.newest:
            self.newest = newest
        self.advance(self.newest - self.settings.lateness_ns, item.received_time)

    # --- clocks

    def must_follow(self, times: list[int], received: int) -> bool:
        limit = received + self.settings.allowed_skew_ns + self.ahead
        late = [time for time in times if time <= limit and self.is_late(time)]
        if not all(time > limit or self.is_late(time) for time in times):
            return False
        if late and self.newest is not None and self.newest - max(late) <= self.settings.allowed_skew_ns:
            return False
        if self.refused_since is None or received < self.refused_since:
            self.refused_since = received
        return received - self.refused_since >= self.settings.follow_after_ns

    def follow(self, times: list[int], received: int) -> None:
        limit = received + self.settings.allowed_skew_ns + self.ahead
        late = [time for time in times if time <= limit and self.is_late(time)]
        if not late:
            reach = statistics.median(times) + max(self.settings.allowed_skew_ns, self.settings.follow_after_ns)
            self.ahead = max(max(time for time in times if time <= reach) - received, 0)
        self.refused_since = None
        for start, members in self.all_open():
            self.hand_out(start, members, received, partial=True)
        best: dict[int, Row] = {}
        for row in sorted(self.rows):
            if row.good:
                best[row.tag] = row
        self.held |= {tag: row.value for tag, row in best.items()}
        if late:
            self.held = {}
        self.rows, self.open, self.data_closed = [], set(), []
        self.followed += 1
        self.begin, self.watermark, self.newest = min(late or times), None, None
        self.told.append(("clock", "set_back" if late else "set_ahead"))

    # --- what closes

    def advance(self, watermark: int, received: int) -> None:
        if self.watermark is None or watermark > self.watermark:
            self.watermark = watermark
        if isinstance(self.settings, WindowSettings):
            for start in sorted(self.open):
                if self.is_closed(start):
                    self.open.remove(start)
                    self.hand_out(start, self.inside(start), received)
            return
        while (found := self.first_window()) is not None and found[1] <= self.watermark:
            members, bound = found
            self.begin = bound
            self.data_closed.append((members[0].time, bound))
            self.hand_out(members[0].time, members, received)

    def inside(self, start: int) -> list[Row]:
        assert isinstance(self.settings, WindowSettings)
        return sorted(row for row in self.rows if start <= row.time < start + self.settings.length_ns)

    def all_open(self) -> list[tuple[int, list[Row]]]:
        if isinstance(self.settings, WindowSettings):
            return [(start, self.inside(start)) for start in sorted(self.open)]
        begin, found = self.begin, []
        while (window := self.first_window()) is not None:
            found.append((window[0][0].time, window[0]))
            self.begin = window[1]
        self.begin = begin
        return found

    def first_window(self) -> tuple[list[Row], int] | None:
        """The earliest session or count of what is open, and the watermark that closes it."""
        rows = sorted(row for row in self.rows if self.begin is None or row.time >= self.begin)
        if not rows:
            return None
        assert isinstance(self.settings, SessionSettings | CountSettings)
        cut = rows[0].time + self.settings.max_length_ns
        members: list[Row] = []
        counted = 0
        for row in rows:
            if row.time >= cut:
                return members, min(cut, self.end_of_session(members))
            if isinstance(self.settings, SessionSettings):
                if members and row.time - members[-1].time >= self.settings.gap_ns:
                    break
            elif counted >= self.settings.count and row.time > members[-1].time:
                return members, members[-1].time + 1
            elif not self.settings.tag or self.tags.names[row.tag] == self.settings.tag:
                counted += 1
                if counted == self.settings.count:
                    rest = [r for r in rows if r.time == row.time and r.order > row.order]
                    return [*members, row, *rest], row.time + 1
            members.append(row)
        return members, min(cut, self.end_of_session(members))

    def end_of_session(self, members: list[Row]) -> int:
        if isinstance(self.settings, SessionSettings):
            return members[-1].time + self.settings.gap_ns
        return members[0].time + self.settings.max_length_ns

    def hand_out(self, start: int, members: list[Row], received: int, *, partial: bool = False) -> None:
        if isinstance(self.settings, WindowSettings):
            end = start + self.settings.length_ns
            if self.floor is not None and (start in self.handed or start < self.floor):
                end -= self.followed
            length_ns = self.settings.length_ns
        else:
            end = members[-1].time + 1 + self.followed
            length_ns = members[-1].time - start
        self.handed.add(start)
        self.floor = start if self.floor is None else self.floor
        tags = range(len(self.tags))
        good: dict[int, list[Row]] = {tag: [] for tag in tags}
        bad = dict.fromkeys(tags, 0)
        origins: dict[int, set[int]] = {tag: set() for tag in tags}
        for row in members:
            origins[row.tag].add(1 << row.origin)
            if row.good:
                good[row.tag].append(row)
            else:
                bad[row.tag] += 1
        earlier = sorted(row for row in self.rows if row.time < start and row.good)
        held = {**self.held, **{row.tag: row.value for row in earlier}}
        edges = {tag: [start, *(row.time for row in good[tag]), end] for tag in tags}
        gaps = [max(b - a for a, b in zip(edges[tag], edges[tag][1:], strict=False)) for tag in tags]
        self.closed.append(
            Closed(
                start,
                end,
                {tag: [((row.time - start) / 1e9, row.value) for row in good[tag]] for tag in tags if good[tag]},
                {tag: bad[tag] for tag in tags if bad[tag]},
                [float(np.float32(self.coverage(tag, len(good[tag]), length_ns))) for tag in tags],
                [float(held.get(tag, math.nan)) for tag in tags],
                [float(np.float32(gap / 1e9)) for gap in gaps],
                [sum(origins[tag]) for tag in tags],
                received,
                partial,
            )
        )

    def coverage(self, tag: int, n: int, length_ns: int) -> float:
        interval = self.tags.tags[tag].interval_s
        if not interval or self.tags.tags[tag].waveform:
            return math.nan
        expected = length_ns / 1e9 / interval
        if not isinstance(self.settings, WindowSettings):
            expected = math.floor(expected + 1e-6) + 1
        return min(n / expected, 1.0)
