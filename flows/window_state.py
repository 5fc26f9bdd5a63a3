"""The windows of one asset that are still open: what is pushed in, what falls out. Pure: no clock, no I/O, no Bytewax.

The same code runs behind the operator (`flows.window`) and over a recording (`flows.recorded`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cloud_sink.records import Account, Event
from connectors.samples import ACQUIRER_DOWN, RECONFIGURED, REMOVED, Item, Notice, NoticeKind, Origin, SampleBatch
from connectors.tags import TagTable
from flows.blocks import LateBlock
from flows.clock_guard import ClockGuard
from flows.notices import SET_AHEAD, SET_BACK, clock_followed, event_of, migrated
from flows.window_block import WindowBlock
from flows.window_kinds import AnyWindowSettings, open_windows, settings_of
from flows.window_snapshot import Head, pack, unpack

WindowOutput = WindowBlock | LateBlock | Event | Account

CLOCK_SKEW = "clock_skew"
ADVANCED = "advanced"  # reason of a notice


class WindowState:
    """Event-time windows of one asset.

    A sample is dropped when it is stamped too far ahead of its reception, late when every window it belongs to is
    closed (of one from a history: was handed out), else placed, once, however many hopping windows hold it. The
    watermark is the newest source time placed less the lateness, or that of an idle notice; no wall clock moves it, so
    a replay, a stall or a restart gives the same windows. The books always balance: received = placed + late + dropped.
    """

    def __init__(self, settings: AnyWindowSettings) -> None:
        self._settings = settings
        self._in_force = settings  # differs from `_settings` only between a restore and the first item after it
        self._asset = ""
        self._tags: TagTable | None = None
        self._windows = open_windows(settings)
        self._clock = ClockGuard(settings)
        self._newest: int | None = None  # newest source time placed
        self._watermark: int | None = None
        self._received = self._placed = self._late = 0
        self._dropped: dict[str, int] = {}

    @property
    def samples(self) -> int:
        """How many are held; what memory is made of."""
        return self._windows.samples

    def push(self, item: Item) -> list[WindowOutput]:
        """Take in a block or a notice of this asset; hand back what it decided and, if anything, the books."""
        self._asset = item.asset
        if isinstance(item, Notice):
            out = self._adopt(self._tags, item.end) + self._heed(item)
        else:
            out = [] if item.tags is self._tags else self._adopt(item.tags, item.received_time)
            if len(item):
                out += self._take(item)
        if out:
            out.append(self.account())
        return out

    def account(self) -> Account:
        """The books so far."""
        dropped = tuple(sorted(self._dropped.items()))
        return Account(self._asset, self._received, self._placed, self._late, dropped)

    def _take(self, block: SampleBatch) -> list[WindowOutput]:
        """Take in at least one sample."""
        out: list[WindowOutput] = []
        newest = int(np.maximum.reduce(block.source_time))
        limit = self._clock.limit(block.received_time)
        late_before = self._windows.late_before
        if newest > limit or (late_before is not None and np.count_nonzero(block.source_time < late_before)):
            ahead = block.source_time > limit
            late = ~ahead & (block.source_time < late_before if late_before is not None else False)
            if self._must_follow(block, ahead, late):
                return self._follow(block, late) + self._take(block)
            block = self._refuse(block, ahead, late, out)
            if not len(block):
                return out
            newest = int(np.maximum.reduce(block.source_time))
        self._received += len(block)
        self._placed += len(block)
        self._windows.keep(block)
        if block.origin is Origin.LIVE:
            self._clock.accepted(newest, block.received_time)
        if self._newest is None or newest > self._newest:
            self._newest = newest
            out += self._advance(newest - self._settings.lateness_ns, block.received_time)
        elif self._watermark is not None:  # a short session may be over already
            out += self._advance(self._watermark, block.received_time)
        return out

    def _must_follow(self, block: SampleBatch, ahead: NDArray[np.bool_], late: NDArray[np.bool_]) -> bool:
        """Whether a clock was set for good, now that all samples of this block would be refused once more."""
        if block.origin is not Origin.LIVE or not (ahead | late).all():
            return False
        if late.any() and self._newest is not None:
            behind = self._newest - int(block.source_time[late].max())
            if behind <= self._settings.allowed_skew_ns:
                return False  # a straggler, not a clock
        return self._clock.refused(block.received_time)

    def _follow(self, block: SampleBatch, late: NDArray[np.bool_]) -> list[WindowOutput]:
        """Close out the open windows and go on at the time of this block, which is yet to be taken in."""
        back = bool(late.any())
        times = block.source_time[late] if back else block.source_time
        if not back:
            self._clock.go_ahead(times, block.received_time)
        closed = self._windows.close_out(block.received_time)
        self._windows.repeats = self._clock.followed
        self._windows.begin(int(times.min()), whole=False)
        if back:
            self._windows.forget_held()
        old, new = self._newest or 0, int(np.median(times))
        self._newest = self._watermark = None
        reason = SET_BACK if back else SET_AHEAD
        return [*closed, clock_followed(self._asset, reason, old, new, sum(map(len, closed)))]

    def _refuse(
        self, block: SampleBatch, ahead: NDArray[np.bool_], late: NDArray[np.bool_], out: list[WindowOutput]
    ) -> SampleBatch:
        """Book and tell what is too far ahead or late; what is left of the block."""
        if skewed := int(np.count_nonzero(ahead)):
            self._received += skewed
            self._dropped[CLOCK_SKEW] = self._dropped.get(CLOCK_SKEW, 0) + skewed
        if late.any():
            missed = _where(block, late)
            self._received += len(missed)
            if block.origin is Origin.BACKFILLED:
                placed = self._windows.place_past(missed)
                self._placed += int(np.count_nonzero(placed))
                missed = _where(missed, ~placed)
            if len(missed):
                self._late += len(missed)
                out.append(LateBlock(missed, *self._windows.missed(missed.source_time), self._late))
        return _where(block, ~(ahead | late))

    def _heed(self, notice: Notice) -> list[WindowOutput]:
        if notice.kind is NoticeKind.IDLE:
            end = self._clock.elapsed_to(notice.start, notice.end, self._newest)
            return self._advance(end - self._settings.lateness_ns, notice.end)
        if notice.kind is NoticeKind.COMMAND:
            return []  # to the alarms
        out: list[WindowOutput] = []
        if notice.kind is NoticeKind.BACKFILL:
            going_on = notice.reason == ADVANCED
            out = self._close_past(notice.end if going_on else None)
            if going_on:
                return out
        elif notice.reason == REMOVED:  # nothing will ever close what is open
            out = [*self._close_past(None), *self._migrate("links", notice.end, keep_held=False)]
            self._tags = None
        elif notice.reason in (ACQUIRER_DOWN, RECONFIGURED):  # whoever read a history does not any more
            out = self._close_past(None)
        total = 0
        if notice.kind is NoticeKind.DROPPED:
            self._received += notice.count
            total = self._dropped[notice.reason] = self._dropped.get(notice.reason, 0) + notice.count
        return [*out, event_of(notice, total)]

    def _close_past(self, read_to: int | None) -> list[WindowOutput]:
        block = self._windows.close_past(read_to)
        return [] if block is None else [block]

    def _advance(self, watermark: int, received: int) -> list[WindowOutput]:
        if self._watermark is None or watermark > self._watermark:
            self._watermark = watermark
        block = self._windows.advance(self._watermark, received)
        return [] if block is None else [block]

    def _adopt(self, tags: TagTable | None, received: int) -> list[WindowOutput]:
        """Go on with this tag table and the settings asked for; close out what was opened under others."""
        same_table = self._tags is None or tags == self._tags
        out: list[WindowOutput] = []
        if not (same_table and self._in_force.shape() == self._settings.shape()):
            out = self._migrate("tag_table" if not same_table else "window_settings", received, keep_held=same_table)
        if tags is not None and (out or self._tags is None):
            self._windows.know(tags)
        self._tags = tags
        self._in_force = self._settings
        return out

    def _migrate(self, reason: str, received: int, *, keep_held: bool) -> list[WindowOutput]:
        """Declared migration: hand out the open windows as partial ones.

        New windows begin after the newest sample, so none is reported twice; what still comes for the old is late.
        """
        old = self._windows
        known = [time for time in (old.late_before, None if self._newest is None else self._newest + 1) if time]
        seam = max(known, default=0)
        closed = old.close_out(received)
        self._windows = open_windows(self._settings)
        self._windows.repeats = old.repeats
        if keep_held:
            self._windows.held = old.held
        if known:
            self._windows.begin(seam, whole=True)
        start = int(closed[0].start[0]) if closed else seam
        return [*closed, migrated(self._asset, reason, start, seam, sum(map(len, closed)))]

    def snapshot(self) -> bytes:
        """The state in a format of ours, which `restore` reads; see `flows.window_snapshot`."""
        head = Head(
            asset=self._asset,
            shape=self._in_force.shape(),
            newest=self._newest,
            watermark=self._watermark,
            received=self._received,
            placed=self._placed,
            late=self._late,
            dropped=self._dropped,
            clock=self._clock.to_json(),
        )
        return pack(head, self._tags, self._windows)

    @classmethod
    def restore(cls, data: bytes, settings: AnyWindowSettings) -> WindowState:
        """Inverse of `snapshot`. If the settings cut other windows, the first item pushed closes out the old ones.

        Raises:
            StateError: Another format, or cut short.
        """
        state = cls(settings)
        head, state._tags, state._windows = unpack(data, settings)
        state._in_force = settings_of(head.shape, settings)
        state._asset, state._newest, state._watermark = head.asset, head.newest, head.watermark
        state._received, state._placed, state._late = head.received, head.placed, head.late
        state._dropped = head.dropped
        if head.clock is not None:
            state._clock = ClockGuard.from_json(settings, head.clock)
        return state


def _where(block: SampleBatch, rows: NDArray[np.bool_]) -> SampleBatch:
    return SampleBatch(
        block.tags,
        block.tag[rows],
        block.source_time[rows],
        block.value[rows],
        block.status[rows],
        block.received_time,
        block.origin,
    )
