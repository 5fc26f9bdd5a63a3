"""Windows of a time that event time has left behind: filled from a history, beside the live ones. Pure.

A hole in the data leaves windows that were never handed out, for they held no sample. What is backfilled goes into
those, and only into those: a window that was handed out is never handed out again, for its record has the same key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.samples import Origin
from flows.column_buffer import ColumnBuffer
from flows.window_block import WindowBlock
from flows.window_cut import WindowCutter
from flows.window_settings import WindowSettings

MOST_RUNS = 256  # of windows in a row that are remembered; what lies before is taken as handed out


class HandedOut:
    """Starts of the windows that were handed out, as runs: windows of a steady stream are one run, a hole ends it."""

    def __init__(self, every_ns: int) -> None:
        """Nothing was handed out; nothing before the first window that will be can be filled."""
        self._every = every_ns
        self._floor: int | None = None
        self._runs: list[tuple[int, int]] = []  # first and last start, ascending, apart

    def add(self, starts: NDArray[np.int64]) -> None:
        """These windows are handed out now; ascending, at least one."""
        first, last = int(starts[0]), int(starts[-1])
        if self._floor is None:
            self._floor = first
        if last - first == (len(starts) - 1) * self._every and self._runs and first == self._runs[-1][1] + self._every:
            self._runs[-1] = self._runs[-1][0], last  # the usual case
            return
        cuts = np.flatnonzero(np.diff(starts) != self._every)
        firsts, lasts = starts[np.r_[0, cuts + 1]].tolist(), starts[np.r_[cuts, len(starts) - 1]].tolist()
        runs = sorted([*self._runs, *zip(firsts, lasts, strict=True)])
        merged = runs[:1]
        for low, high in runs[1:]:
            if low <= merged[-1][1] + self._every:
                merged[-1] = merged[-1][0], max(merged[-1][1], high)
            else:
                merged.append((low, high))
        for _, high in merged[:-MOST_RUNS]:
            self._floor = max(self._floor, high + self._every)
        self._runs = merged[-MOST_RUNS:]

    def free(self, starts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these windows were never handed out."""
        if self._floor is None or not self._runs:
            return np.zeros(len(starts), dtype=np.bool_)
        firsts, lasts = np.array(self._runs).T
        run = firsts.searchsorted(starts, side="right") - 1
        free: NDArray[np.bool_] = (starts >= self._floor) & ((run < 0) | (starts > lasts[run]))
        return free

    def again(self, starts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these windows may have been handed out before."""
        if self._floor is None:
            return np.zeros(len(starts), dtype=np.bool_)
        return ~self.free(starts)

    def to_json(self) -> dict[str, Any]:
        """For a snapshot."""
        return {"floor": self._floor, "runs": self._runs}

    @classmethod
    def from_json(cls, every_ns: int, data: Mapping[str, Any]) -> HandedOut:
        """Inverse of `to_json`."""
        made = cls(every_ns)
        made._floor, made._runs = data["floor"], [(low, high) for low, high in data["runs"]]
        return made


class PastWindows:
    """Windows of one asset that are filled from a history.

    They close when the reader of the history says how far it is: it reads tag by tag, so times say little.

    Attributes:
        handed_out: Told of every window that closes, live or past.
        buffer: Samples of the windows that are still open.
    """

    def __init__(self, settings: WindowSettings) -> None:
        """Nothing is known."""
        self._settings = settings
        self._received = 0
        self.handed_out = HandedOut(settings.every_ns)
        self.buffer = ColumnBuffer()

    def fits(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these times, all before the open windows, lie in a window that was never handed out."""
        every = self._settings.every_ns
        newest = self._settings.start_of(times)
        fits = np.zeros(len(times), dtype=np.bool_)
        for hop in range(self._settings.length_ns // every):
            fits |= self.handed_out.free(newest - hop * every)
        return fits

    def keep(self, tag: NDArray[np.uint16], time: NDArray[np.int64], value: NDArray[np.float64], received: int) -> None:
        """Samples that fit. `received`: when, ns."""
        self.buffer.append(tag, time, value, Origin.BACKFILLED)
        self._received = received

    def close(self, cutter: WindowCutter | None, high: int, *, partial: bool = False) -> WindowBlock | None:
        """All windows that start before `high`, the start of one; None where none holds a sample."""
        if cutter is None or not self.buffer.size:
            return None
        block = cutter.cut(self.buffer, None, high, self._received, partial=partial, free=self.handed_out.free)
        self.buffer.drop_first(int(self.buffer.time.searchsorted(high)))
        if block is not None:
            block.backfilled = True
            self.handed_out.add(block.start)
        return block

    def to_json(self) -> dict[str, Any]:
        """For a snapshot, beside the bytes of `buffer`."""
        return {
            **self.handed_out.to_json(),
            "received": self._received,
            "samples": self.buffer.size,
            "origins": self.buffer.origin is not None,
        }

    @classmethod
    def restore(
        cls, settings: WindowSettings, head: Mapping[str, Any], data: bytes, at: int
    ) -> tuple[PastWindows, int]:
        """Inverse of `to_json` and the dump of `buffer`, which stands at `at`; and where the next thing stands.

        Raises:
            ValueError: Too short.
        """
        made = cls(settings)
        made.handed_out = HandedOut.from_json(settings.every_ns, head)
        made._received = head["received"]
        origins = head.get("origins", False)  # the first version did not write them: all that is here is backfilled
        made.buffer, at = ColumnBuffer.load(data, at, head["samples"], origins=origins)
        if not origins and made.buffer.size:
            made.buffer.mark(Origin.BACKFILLED)
        return made, at
