"""The windows of one asset that are still open: what is pushed in, what falls out. Pure: no clock, no I/O, no Bytewax.

The same code runs behind the operator (`flows.window`) and over a recording (`flows.recorded`).
"""

from __future__ import annotations

import json
import struct
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cloud_sink.records import Account, Event
from connectors.samples import Item, Notice, NoticeKind, Origin, SampleBatch
from connectors.status import is_good
from connectors.tags import TagTable
from flows.blocks import LateBlock
from flows.column_buffer import SAMPLE_BYTES, ColumnBuffer
from flows.errors import StateError
from flows.past_windows import PastWindows
from flows.window_block import WindowBlock
from flows.window_cut import WindowCutter
from flows.window_settings import WindowSettings

WindowOutput = WindowBlock | LateBlock | Event | Account

_MAGIC = b"SGW1"  # the digit is the version of the format
_SIZES = struct.Struct("<II")
_NOT_GOOD = 1 << 30  # the least status code whose severity is not good
CLOCK_SKEW = "clock_skew"
ADVANCED, ACQUIRER_DOWN = "advanced", "acquirer_down"  # reasons of notices


class WindowState:
    """Event-time windows of one asset.

    A sample is dropped when it is stamped too far ahead of its reception, late when every window it belongs to is
    closed (of one from a history: was handed out), else placed, once, however many hopping windows hold it. The
    watermark is the newest source time placed less the lateness, or that of an idle notice; no wall clock moves it, so
    a replay, a stall or a restart gives the same windows. The books always balance: received = placed + late + dropped.
    """

    def __init__(self, settings: WindowSettings) -> None:
        self._settings = settings
        self._in_force = settings  # differs from `_settings` only between a restore and the first item after it
        self._asset = ""
        self._tags: TagTable | None = None
        self._cutter: WindowCutter | None = None
        self._buffer = ColumnBuffer()
        self._past = PastWindows(settings)
        self._open_from: int | None = None  # start of the earliest open window; None before the first watermark
        self._newest: int | None = None  # newest source time placed
        self._received = self._placed = self._late = 0
        self._dropped: dict[str, int] = {}

    def push(self, item: Item) -> list[WindowOutput]:
        """Take in a block or a notice of this asset; hand back what it decided and, if anything, the books."""
        self._asset = item.asset
        if isinstance(item, Notice):
            out = self._adopt(self._tags, item.end) + self._heed(item)
        else:
            out = [] if item.tags is self._tags else self._adopt(item.tags, item.received_time)
            out += self._take(item)
        if out:
            out.append(self.account())
        return out

    def account(self) -> Account:
        """The books so far."""
        dropped = tuple(sorted(self._dropped.items()))
        return Account(self._asset, self._received, self._placed, self._late, dropped)

    def _take(self, block: SampleBatch) -> list[WindowOutput]:
        if not len(block):
            return []
        self._received += len(block)
        newest = int(np.maximum.reduce(block.source_time))
        limit = block.received_time + self._settings.allowed_skew_ns
        if newest > limit:
            block = self._drop_ahead(block, limit)
            if not len(block):
                return []
            newest = int(np.maximum.reduce(block.source_time))
        out: list[WindowOutput] = []
        if self._open_from is not None and np.minimum.reduce(block.source_time) < self._open_from:
            block, late = self._split_late(block, self._open_from)
            if late is not None:
                out.append(late)
            if not len(block):
                return out
        self._placed += len(block)
        self._keep(block)
        if self._newest is None or newest > self._newest:
            self._newest = newest
            out += self._advance(newest - self._settings.lateness_ns, block.received_time)
        return out

    def _heed(self, notice: Notice) -> list[WindowOutput]:
        if notice.kind is NoticeKind.IDLE:
            return self._advance(notice.end - self._settings.lateness_ns, notice.end)
        if notice.kind is NoticeKind.COMMAND:
            return []  # to the alarms
        out: list[WindowOutput] = []
        if notice.kind is NoticeKind.BACKFILL:
            going_on = notice.reason == ADVANCED
            out = self._close_past(notice.end if going_on else None)
            if going_on:
                return out
        elif notice.reason == ACQUIRER_DOWN:  # whoever read a history does not any more
            out = self._close_past(None)
        if notice.kind is NoticeKind.DROPPED:
            self._received += notice.count
            self._dropped[notice.reason] = self._dropped.get(notice.reason, 0) + notice.count
            detail = f"{notice.count} samples were let go before they reached a window: {notice.reason}."
        else:
            detail = notice.detail or (
                f"Nothing was acquired: {notice.reason}. Windows without any sample are not reported."
            )
        out.append(
            Event(
                notice.asset,
                str(notice.kind),
                notice.reason,
                notice.start,
                notice.end,
                notice.count,
                notice.source,
                detail,
            )
        )
        return out

    def _drop_ahead(self, block: SampleBatch, limit: int) -> SampleBatch:
        kept = _where(block, block.source_time <= limit)
        self._dropped[CLOCK_SKEW] = self._dropped.get(CLOCK_SKEW, 0) + len(block) - len(kept)
        return kept

    def _split_late(self, block: SampleBatch, open_from: int) -> tuple[SampleBatch, LateBlock | None]:
        is_late = block.source_time < open_from
        late = _where(block, is_late)
        if block.origin is Origin.BACKFILLED:
            late = self._place_past(late)
            if not len(late):
                return _where(block, ~is_late), None
        self._late += len(late)
        every = self._settings.every_ns
        missed = late.source_time // every * every
        return _where(block, ~is_late), LateBlock(late, missed, self._settings.length_ns)

    def _place_past(self, block: SampleBatch) -> SampleBatch:
        """Put samples of a history into windows that were never handed out; returns those that have none."""
        fits = self._past.fits(block.source_time)
        placed = _where(block, fits)
        if len(placed):
            self._placed += len(placed)
            self._past.keep(placed.tag, placed.source_time, _good_values(placed), placed.received_time)
        return _where(block, ~fits)

    def _close_past(self, read_to: int | None) -> list[WindowOutput]:
        """Close the windows that a history was read beyond; None = it is not read on."""
        if self._open_from is None:
            return []
        high = self._open_from if read_to is None else min(self._settings.open_from(read_to), self._open_from)
        block = self._past.close(self._cutter, high)
        return [] if block is None else [block]

    def _keep(self, block: SampleBatch) -> None:
        self._buffer.append(block.tag, block.source_time, _good_values(block))

    def _advance(self, watermark: int, received: int) -> list[WindowOutput]:
        """Close every window that ends at or before the watermark."""
        low, high = self._open_from, self._settings.open_from(watermark)
        if low is not None and high <= low:
            return []
        self._open_from = high
        if self._cutter is None:
            return []
        block = self._cutter.cut(self._buffer, low, high, received)
        if block is None:
            return []
        self._past.handed_out.add(block.start)
        self._buffer.drop_first(int(self._buffer.time.searchsorted(high)))
        return [block]

    def _adopt(self, tags: TagTable | None, received: int) -> list[WindowOutput]:
        """Go on with this tag table and the settings asked for; close out what was opened under others."""
        same_table = self._tags is None or tags == self._tags
        out: list[WindowOutput] = []
        if not (same_table and _same_shape(self._in_force, self._settings)):
            out = self._close_out("tag_table" if not same_table else "window_settings", received)
        if tags is not None and (out or self._cutter is None):
            self._cutter = WindowCutter(tags, self._settings)
        self._tags = tags
        self._in_force = self._settings
        return out

    def _close_out(self, reason: str, received: int) -> list[WindowOutput]:
        """Declared migration: hand out the open windows as partial ones.

        New windows begin after the newest sample, so none is reported twice; what still comes for the old is late.
        """
        out: list[WindowOutput] = []
        seam = max((time for time in (self._open_from, self._next_time()) if time is not None), default=0)
        block = None
        if self._cutter is not None and self._newest is not None:
            block = self._cutter.cut(self._buffer, self._open_from, self._newest + 1, received, partial=True)
        past = self._past.close(self._cutter, seam, partial=True)
        closed: list[WindowBlock] = [one for one in (past, block) if one is not None]
        out += closed
        count = sum(map(len, closed))
        start = int(closed[0].start[0]) if closed else seam
        if self._open_from is not None or self._newest is not None:
            self._open_from = -(-seam // self._settings.every_ns) * self._settings.every_ns
        self._buffer = ColumnBuffer()
        self._past = PastWindows(self._settings)
        detail = f"The {reason.replace('_', ' ')} changed: {count} open windows were closed out early."
        out.append(Event(self._asset, "migration", reason, start, seam, count, "window", detail))
        return out

    def _next_time(self) -> int | None:
        return None if self._newest is None else self._newest + 1

    def snapshot(self) -> bytes:
        """The state in a format of ours: magic and version, two JSON texts, the raw columns. Nothing to unpickle.

        The window shape and the whole tag table stand in it, so that a later start with others can close out the old
        windows as what they were.
        """
        head = {
            "asset": self._asset,
            "length_us": self._in_force.length_ns // 1_000,
            "every_us": self._in_force.every_ns // 1_000,
            "open_from": self._open_from,
            "newest": self._newest,
            "received": self._received,
            "placed": self._placed,
            "late": self._late,
            "dropped": self._dropped,
            "samples": self._buffer.size,
            "past": self._past.to_json(),
        }
        texts = [json.dumps(head).encode(), _table_text(self._tags)]
        return b"".join([_MAGIC, _SIZES.pack(*map(len, texts)), *texts, self._buffer.dump(), self._past.buffer.dump()])

    @classmethod
    def restore(cls, data: bytes, settings: WindowSettings) -> WindowState:
        """Inverse of `snapshot`. If the settings cut other windows, the first item pushed closes out the old ones.

        Raises:
            StateError: Another format, or cut short.
        """
        if data[: len(_MAGIC)] != _MAGIC:
            raise StateError("window", f"format {data[: len(_MAGIC)]!r} where {_MAGIC!r} is read")
        try:
            head_size, tags_size = _SIZES.unpack_from(data, len(_MAGIC))
            at = len(_MAGIC) + _SIZES.size
            head = json.loads(data[at : at + head_size])
            tags = json.loads(data[at + head_size : at + head_size + tags_size])
            at += head_size + tags_size
            buffer = ColumnBuffer.load(data, at, head["samples"])
            in_force = settings.with_shape(head["length_us"], head["every_us"])
            past = PastWindows(in_force)
            if "past" in head:  # not in what an earlier version wrote
                past = PastWindows.restore(in_force, head["past"], data, at + head["samples"] * SAMPLE_BYTES)
        except (ValueError, struct.error) as error:
            raise StateError("window", f"cut short or damaged ({error})") from error
        state = cls(settings)
        state._in_force, state._past = in_force, past
        state._asset = head["asset"]
        if tags is not None:
            state._tags = TagTable.from_json(tags)
            state._cutter = WindowCutter(state._tags, state._in_force)
        state._buffer = buffer
        state._open_from, state._newest = head["open_from"], head["newest"]
        state._received, state._placed, state._late = head["received"], head["placed"], head["late"]
        state._dropped = head["dropped"]
        return state


@lru_cache(maxsize=4096)
def _table_text(tags: TagTable | None) -> bytes:
    """A tag table as JSON; it hardly ever changes and stands in every snapshot."""
    return json.dumps(tags and tags.to_json()).encode()


def _same_shape(one: WindowSettings, other: WindowSettings) -> bool:
    """Whether both cut the same windows; lateness and skew may change freely."""
    return one.length == other.length and one.every == other.every


def _good_values(block: SampleBatch) -> NDArray[np.float64]:
    """The values; NaN stands for one whose status is not good."""
    if np.maximum.reduce(block.status) < _NOT_GOOD:
        return block.value
    return np.where(is_good(block.status), block.value, np.nan)


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
