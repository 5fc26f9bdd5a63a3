"""What the windows of one asset that are still open can do, whatever their kind. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.samples import SampleBatch
from connectors.status import is_good
from connectors.tags import TagTable
from flows.column_buffer import ColumnBuffer
from flows.held_values import held_after, nothing_held
from flows.window_block import WindowBlock

_NOT_GOOD = 1 << 30  # the least status code whose severity is not good
Spans = tuple[NDArray[np.int64], NDArray[np.int64]]  # starts and ends


class OpenWindows(ABC):
    """Samples of open windows, and the windows cut out of them as the watermark passes.

    Whoever calls keeps the books and decides what is late: all that is older than `late_before`. A kind says where its
    windows are cut; samples, the values in force and their place in a snapshot are the same for all.

    Attributes:
        late_before: Whatever is older has no open window; None = nothing is late yet.
        held: float64[T], in force before the open windows; replaced, never changed, for closed windows share it.
        repeats: How often a clock was followed; where event time runs again over windows that were handed out, it is
            worked into their ends, so that their records have keys of their own.
    """

    def __init__(self) -> None:
        self.late_before: int | None = None
        self.held = nothing_held(0)
        self.repeats = 0
        self._tags: TagTable | None = None
        self._buffer = ColumnBuffer()

    def know(self, tags: TagTable) -> None:
        """The tags; told once, before the first block, again if windows are to be cut by an equal table."""
        self._tags = tags
        if len(self.held) != len(tags):
            self.held = nothing_held(len(tags))

    def keep(self, block: SampleBatch) -> None:
        """Take in samples, none of them late, at least one."""
        self._buffer.append(block.tag, block.source_time, good_values(block), block.origin)

    @abstractmethod
    def advance(self, watermark: int, received: int) -> WindowBlock | None:
        """Close every window that no sample from the watermark on can belong to; None where none held a sample."""

    @abstractmethod
    def missed(self, times: NDArray[np.int64]) -> Spans:
        """Start and end of the last window that each of these late samples belongs to."""

    @abstractmethod
    def close_out(self, received: int) -> list[WindowBlock]:
        """Hand out all open windows as partial ones; no sample stays."""

    @abstractmethod
    def begin(self, time: int, *, whole: bool) -> None:
        """Go on with what comes at a time, after `close_out` or at first.

        Args:
            time: Whatever is older is late, or lies in a window with it.
            whole: Begin with the next window that begins then or later, so that none is reported twice.
        """

    def forget_held(self) -> None:
        """What was in force is of no use where event time goes on before it."""
        self.held = nothing_held(len(self.held))

    def place_past(self, block: SampleBatch) -> NDArray[np.bool_]:
        """Put late samples of a history into windows that were never handed out; which of them had one."""
        return np.zeros(len(block), dtype=np.bool_)

    def close_past(self, read_to: int | None) -> WindowBlock | None:  # noqa: ARG002 - kinds without a past ignore it
        """Close the windows that a history was read beyond; None = it is not read on."""
        return None

    @property
    def samples(self) -> int:
        """How many the open windows hold; what memory is made of."""
        return self._buffer.size

    def to_json(self) -> dict[str, Any]:
        """For a snapshot, beside the bytes of `dump`."""
        buffer = self._buffer
        head = {"open_from": self.late_before, "samples": buffer.size, "origins": buffer.origin is not None}
        return {**head, "held": len(self.held), "repeats": self.repeats}

    def dump(self) -> list[bytes]:
        """The columns."""
        return [self._buffer.dump(), self.held.astype("<f8").tobytes()]

    def load(self, head: Mapping[str, Any], data: bytes, at: int) -> int:
        """Inverse of `to_json` and `dump`, which stands at `at`; where the next thing stands.

        What an earlier version did not write stays as it is. Raises ValueError: too short.
        """
        self.late_before = head["open_from"]
        self.repeats = head.get("repeats", 0)
        self._buffer, at = ColumnBuffer.load(data, at, head["samples"], origins=head.get("origins", False))
        tags = int(head.get("held", 0))
        if tags:
            self.held = np.frombuffer(data, "<f8", tags, at).astype(np.float64)
        return at + 8 * tags

    def _let_go(self, count: int) -> None:
        """Drop the oldest samples, which no open window holds, but for the values in force after them."""
        if count:
            self.held = held_after(self.held, self._buffer.tag[:count], self._buffer.value[:count])
        self._buffer.drop_first(count)


def good_values(block: SampleBatch) -> NDArray[np.float64]:
    """The values; NaN stands for one whose status is not good."""
    if not np.count_nonzero(block.status >= _NOT_GOOD):
        return block.value
    return np.where(is_good(block.status), block.value, np.nan)
