"""Tumbling and hopping windows that are still open. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from connectors.samples import SampleBatch
from connectors.tags import TagTable
from flows.open_windows import OpenWindows, Spans, good_values
from flows.past_windows import PastWindows
from flows.window_block import WindowBlock
from flows.window_cut import WindowCutter
from flows.window_settings import WindowSettings


class GridWindows(OpenWindows):
    """Windows of a fixed length; a hole in them can be filled from a history."""

    def __init__(self, settings: WindowSettings) -> None:
        super().__init__()
        self._settings = settings
        self._cutter: WindowCutter | None = None
        self._past = PastWindows(settings)

    @override
    def know(self, tags: TagTable) -> None:
        super().know(tags)
        self._cutter = WindowCutter(tags, self._settings)

    @override
    def advance(self, watermark: int, received: int) -> WindowBlock | None:
        low, high = self.late_before, self._settings.open_from(watermark)
        if low is not None and high <= low:
            return None
        self.late_before = high
        if self._cutter is None:
            return None
        block = self._cutter.cut(self._buffer, low, high, received, held=self.held)
        if block is not None:
            self._hand_out(block)
            self._let_go(int(self._buffer.time.searchsorted(high)))
        return block

    def _hand_out(self, block: WindowBlock) -> None:
        if self.repeats:
            block.end = block.end - self._past.handed_out.again(block.start) * self.repeats
        self._past.handed_out.add(block.start)

    @override
    def missed(self, times: NDArray[np.int64]) -> Spans:
        start = self._settings.start_of(times)
        return start, start + self._settings.length_ns

    @override
    def place_past(self, block: SampleBatch) -> NDArray[np.bool_]:
        fits = self._past.fits(block.source_time)
        if fits.any():
            values = good_values(block)
            self._past.keep(block.tag[fits], block.source_time[fits], values[fits], block.received_time)
        return fits

    @override
    def close_past(self, read_to: int | None) -> WindowBlock | None:
        if self.late_before is None:
            return None
        high = self.late_before if read_to is None else min(self._settings.open_from(read_to), self.late_before)
        return self._past.close(self._cutter, high)

    @override
    def close_out(self, received: int) -> list[WindowBlock]:
        past = live = None
        if self.late_before is not None:
            past = self._past.close(self._cutter, self.late_before, partial=True)
        if self._cutter is not None and self._buffer.size:
            self._buffer.sort()
            high = int(self._buffer.time[-1]) + 1
            live = self._cutter.cut(self._buffer, self.late_before, high, received, held=self.held, partial=True)
            if live is not None:
                self._hand_out(live)
            self._let_go(self._buffer.size)
        return [block for block in (past, live) if block is not None]

    @override
    def begin(self, time: int, *, whole: bool) -> None:
        every, align = self._settings.every_ns, self._settings.align_ns
        self.late_before = align - (align - time) // every * every if whole else self._settings.open_from(time)

    @property
    @override
    def samples(self) -> int:
        return super().samples + self._past.buffer.size

    @override
    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "past": self._past.to_json()}

    @override
    def dump(self) -> list[bytes]:
        return [*super().dump(), self._past.buffer.dump()]

    @override
    def load(self, head: Mapping[str, Any], data: bytes, at: int) -> int:
        at = super().load(head, data, at)
        if "past" in head:  # not in what the first version wrote
            self._past, at = PastWindows.restore(self._settings, head["past"], data, at)
        return at
