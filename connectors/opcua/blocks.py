"""Data values from bytes to columns: runs of one layout as blocks, what lies between them one by one. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connectors.opcua.columns import Shape, Values, joined
from connectors.opcua.layout import HAS_VALUE, KNOWN_PARTS, NUMERIC, Layout, layout_of, to_float
from connectors.opcua.single import Singles

SHORTEST_RUN = 16  # below, numpy's fixed cost exceeds that of a loop


def read_values(data: bytes, pos: int, count: int, *, handles: bool, shortest_run: int = SHORTEST_RUN) -> Values:
    """Read `count` data values that stand one behind the other.

    Runs of one layout are read as blocks, the others one by one; the result is the same.

    Args:
        data: Ends where the values may end at the latest.
        pos: Where the first one begins.
        count: How many; every one takes at least a byte, so a count beyond the data is refused.
        handles: Each is preceded by a client handle (MonitoredItemNotification).
        shortest_run: Shorter runs are read one by one.

    Raises:
        ValueError, IndexError, struct.error: The bytes do not hold that.
    """
    if count > len(data) - pos:
        msg = f"{count} values in {len(data) - pos} bytes"
        raise ValueError(msg)
    gathered = _Gathered()
    left = count
    while left:
        layout = _fixed_layout(data, pos, handles=handles)
        if layout is None:
            pos = gathered.singles.one(data, pos, count - left, handles=handles)
            left -= 1
            continue
        same = 1  # measured in Python up to the shortest run: nothing is set up for a run that is none
        while same < min(left, shortest_run) and layout.matches(data, pos + same * layout.size):
            same += 1
        if same >= shortest_run:
            records = layout.run(data, pos, left)
            gathered.block(layout, records, count - left)
            same = len(records)
        else:
            gathered.singles.few(layout, data, pos, same, count - left)
        pos += same * layout.size
        left -= same
    return gathered.columns()


def _fixed_layout(data: bytes, pos: int, *, handles: bool) -> Layout | None:
    """Layout of the item at `pos` if its length follows from mask and type."""
    pos += 4 if handles else 0
    mask = data[pos]
    if mask & ~KNOWN_PARTS:
        msg = f"data value with encoding mask 0x{mask:02X} at byte {pos}"
        raise ValueError(msg)
    if not mask & HAS_VALUE:
        return layout_of(mask, 0, handles=handles)
    kind = data[pos + 1]
    return layout_of(mask, kind, handles=handles) if kind in NUMERIC else None


class _Gathered:
    """Columns in the making: blocks as they are, single items in lists until the next block closes them."""

    def __init__(self) -> None:
        self.singles = Singles()
        self._pieces: list[Values] = []

    def block(self, layout: Layout, records: NDArray[np.void], first: int) -> None:
        if self.singles.rows:
            self._pieces.append(self.singles.take())
        n = len(records)
        names = records.dtype.names or ()
        zeros = np.zeros(n, dtype=np.int64)
        self._pieces.append(
            Values(
                records["handle"].copy() if "handle" in names else np.arange(first, first + n, dtype=np.uint32),
                to_float(records["value"], layout.kind) if layout.kind else np.full(n, np.nan),
                records["status"].copy() if "status" in names else np.zeros(n, dtype=np.uint32),
                records["source"].copy() if "source" in names else zeros,
                records["server"].copy() if "server" in names else zeros,
                np.full(n, Shape.NUMBER if layout.kind else Shape.NOTHING, dtype=np.uint8),
            )
        )

    def columns(self) -> Values:
        if self.singles.rows or not self._pieces:
            self._pieces.append(self.singles.take())
        whole = joined(self._pieces)
        whole.arrays = self.singles.arrays
        return whole
