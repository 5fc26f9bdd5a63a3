"""Raw columns of the open windows of one asset, in arrays that grow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.samples import Origin

_SAMPLE_BYTES = 18  # in a dump; one more where origins are told
_LEAST = 64


class ColumnBuffer:
    """Tag, source time and value of samples, 18 bytes each, in arrival order until `sort` is called.

    Samples are copied in, so that a buffer never keeps alive the read buffer a block was cut from. The arrays grow by
    doubling and shrink again when a quarter would do. A column of origins is kept only while some sample is not live.
    """

    __slots__ = ("_origin", "_sorted", "_tag", "_time", "_value", "size")

    def __init__(self) -> None:
        self.size = 0
        self._sorted = 0  # length of the leading part that is known to be in time order
        self._tag = np.empty(0, dtype=np.uint16)
        self._time = np.empty(0, dtype=np.int64)
        self._value = np.empty(0, dtype=np.float64)
        self._origin: NDArray[np.uint8] | None = None

    @property
    def tag(self) -> NDArray[np.uint16]:
        """View, valid until the next change."""
        return self._tag[: self.size]

    @property
    def time(self) -> NDArray[np.int64]:
        """View, valid until the next change."""
        return self._time[: self.size]

    @property
    def value(self) -> NDArray[np.float64]:
        """View, valid until the next change."""
        return self._value[: self.size]

    @property
    def origin(self) -> NDArray[np.uint8] | None:
        """View, valid until the next change: an `Origin` each; None = all are live."""
        return None if self._origin is None else self._origin[: self.size]

    def append(
        self,
        tag: NDArray[np.uint16],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        origin: Origin = Origin.LIVE,
    ) -> None:
        """Copy samples in at the end."""
        end = self.size + len(tag)
        if end > len(self._tag):
            self._resize(max(_LEAST, 2 * end))
        if origin and self._origin is None:
            self._origin = np.zeros(len(self._tag), dtype=np.uint8)
        self._tag[self.size : end] = tag
        self._time[self.size : end] = time
        self._value[self.size : end] = value
        if self._origin is not None:
            self._origin[self.size : end] = origin
        self.size = end

    def mark(self, origin: Origin) -> None:
        """All samples are of this origin."""
        self._origin = np.full(len(self._tag), origin, dtype=np.uint8)

    def sort(self) -> None:
        """Put into time order, keeping the order of arrival among equal times. Costs one look if it is so already."""
        if self._sorted == self.size:
            return
        time = self.time
        fresh = time[max(self._sorted - 1, 0) :]
        if np.count_nonzero(fresh[1:] < fresh[:-1]):
            order = time.argsort(kind="stable")
            self.tag[:], self.time[:], self.value[:] = self.tag[order], time[order], self.value[order]
            if self._origin is not None:
                self._origin[: self.size] = self._origin[order]
        self._sorted = self.size

    def drop_first(self, count: int) -> None:
        """Let go of the oldest samples of a sorted buffer. The rest moves to fresh arrays: views stay as they are."""
        used, capacity = self.size, len(self._tag)
        self.size = self._sorted = used - count
        self._resize(max(_LEAST, 2 * used) if capacity > 4 * used else capacity, count)

    def _resize(self, capacity: int, start: int = 0) -> None:
        rest = slice(start, start + self.size)
        self._tag = _moved(self._tag[rest], capacity)
        self._time = _moved(self._time[rest], capacity)
        self._value = _moved(self._value[rest], capacity)
        if self._origin is not None:
            told = self._origin[rest].any()
            self._origin = _moved(self._origin[rest], capacity) if told else None

    def dump(self) -> bytes:
        """The columns, little-endian, one after the other; the origins at the end, if there are any."""
        columns = [self.tag.astype("<u2"), self.time.astype("<i8"), self.value.astype("<f8")]
        if self.origin is not None:
            columns.append(self.origin)
        return b"".join(column.tobytes() for column in columns)

    @classmethod
    def load(cls, data: bytes, at: int, size: int, *, origins: bool) -> tuple[ColumnBuffer, int]:
        """Inverse of `dump` for `size` samples that stand at `at`; and where the next thing stands.

        Raises:
            ValueError: The data are too short.
        """
        buffer = cls()
        end = at + _SAMPLE_BYTES * size
        buffer.append(
            np.frombuffer(data, "<u2", size, at),
            np.frombuffer(data, "<i8", size, at + 2 * size),
            np.frombuffer(data, "<f8", size, at + 10 * size),
        )
        if origins:
            buffer._origin = np.zeros(len(buffer._tag), dtype=np.uint8)
            buffer._origin[:size] = np.frombuffer(data, np.uint8, size, end)
            end += size
        return buffer, end


def _moved(column: NDArray[Any], capacity: int) -> NDArray[Any]:
    bigger = np.empty(capacity, dtype=column.dtype)
    bigger[: len(column)] = column
    return bigger
