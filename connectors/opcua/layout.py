"""Data values of one layout, read as a block.

Most items of a notification have the same parts (encoding mask) and the same scalar type, so they have the same length,
and a run of them is a table that numpy reads in one go. OPC 10000-6, 5.2.2.16 (Variant), 5.2.2.17 (DataValue).
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# DataValue encoding mask.
HAS_VALUE, HAS_STATUS, HAS_SOURCE, HAS_SERVER, HAS_SOURCE_PICO, HAS_SERVER_PICO = 1, 2, 4, 8, 16, 32
KNOWN_PARTS = 63

BOOLEAN, DATE_TIME = 1, 13
# Built-in types that become numbers: Variant type -> little-endian numpy type. A Boolean is any byte that is not 0.
NUMERIC: dict[int, str] = {
    BOOLEAN: "u1",
    2: "i1",
    3: "u1",
    4: "<i2",
    5: "<u2",
    6: "<i4",
    7: "<u4",
    8: "<i8",
    9: "<u8",
    10: "<f4",
    11: "<f8",
    DATE_TIME: "<i8",
}
# The same for `struct`, whose letters have other sizes than numpy's.
_STRUCT = {
    "u1": "B",
    "i1": "b",
    "<i2": "h",
    "<u2": "H",
    "<i4": "i",
    "<u4": "I",
    "<i8": "q",
    "<u8": "Q",
    "<f4": "f",
    "<f8": "d",
}
EPOCH_TICKS = 116_444_736_000_000_000  # 1970-01-01 in ticks of 100 ns since 1601-01-01 (OPC 10000-6, 5.2.2.5)
TICKS_PER_SECOND = 10_000_000

FIRST_WINDOW = 256  # items compared at first when a run is measured; grows as long as all of them match


def to_float(values: NDArray[Any], kind: int) -> NDArray[np.float64]:
    """Numbers of a built-in type as float64: 0/1 for a Boolean, seconds since 1970 UTC for a DateTime."""
    if kind == BOOLEAN:
        values = values != 0
    if kind == DATE_TIME:
        seconds: NDArray[np.float64] = to_float(values - EPOCH_TICKS, 0) / TICKS_PER_SECOND
        return seconds
    numbers: NDArray[np.float64] = values.astype(np.float64)
    return numbers


class Layout:
    """Items with the same encoding mask and, where they have a value, the same scalar type.

    Attributes:
        mask: Encoding mask of the DataValue.
        kind: Built-in type of the value; 0 = no value.
        size: Bytes of one item.
        dtype: The item as a packed record.
    """

    def __init__(self, mask: int, kind: int, *, handles: bool) -> None:
        self.mask = mask
        self.kind = kind
        parts: list[tuple[str, str]] = [("handle", "<u4")] if handles else []
        parts.append(("mask", "u1"))
        if mask & HAS_VALUE:
            parts += [("kind", "u1"), ("value", NUMERIC[kind])]
        for bit, name, code in (
            (HAS_STATUS, "status", "<u4"),
            (HAS_SOURCE, "source", "<i8"),
            (HAS_SOURCE_PICO, "source_pico", "<u2"),
            (HAS_SERVER, "server", "<i8"),
            (HAS_SERVER_PICO, "server_pico", "<u2"),
        ):
            if mask & bit:
                parts.append((name, code))
        self.dtype = np.dtype(parts)
        self.size = self.dtype.itemsize
        names = [name for name, _ in parts]
        self.struct = struct.Struct("<" + "".join(_STRUCT[code] for _, code in parts))
        # Where each part stands in what `struct` returns; -1 = absent.
        self.where = tuple(
            names.index(name) if name in names else -1 for name in ("handle", "value", "status", "source", "server")
        )

    def run(self, data: bytes, pos: int, most: int) -> NDArray[Any]:
        """The items of this layout from `pos` on, as records.

        An item begins where the one before it ends, and it is of this layout exactly if its mask and type say so: so
        the first record that does not match ends the run, whatever follows.
        """
        most = min(most, (len(data) - pos) // self.size)
        window = min(FIRST_WINDOW, most)
        while True:
            records = np.frombuffer(data, self.dtype, window, pos)
            same = records["mask"] == self.mask
            if self.kind:
                same &= records["kind"] == self.kind
            end = window if same.all() else int(same.argmin())
            if end < window or window == most:
                return records[:end]
            window = min(window * 8, most)

    def scattered(self, data: bytes, starts: NDArray[np.int64]) -> NDArray[Any]:
        """The items of this layout that begin at these places, as records."""
        # A record at every byte, without a copy; only those that are picked are ever looked at.
        anywhere = np.ndarray((len(data) - self.size + 1,), self.dtype, data, strides=(1,))
        records: NDArray[Any] = anywhere[starts]
        return records


@functools.cache  # 64 masks x 12 types x 2 at most
def layout_of(mask: int, kind: int, *, handles: bool) -> Layout:
    """The layout, made once."""
    return Layout(mask, kind, handles=handles)


class _ByMarker(dict[bytes, Layout | None]):
    """Layouts by encoding mask and the byte behind; None if they do not tell the length of an item.

    Looked up once a sample, hence a dict that fills itself: with 64 masks x 256 types at most, for other masks raise.

    Raises:
        ValueError: There is no such mask.
        IndexError: The item is cut off.
    """

    def __init__(self, *, handles: bool) -> None:
        super().__init__()
        self._handles = handles

    def __missing__(self, marker: bytes) -> Layout | None:
        mask = marker[0]
        if mask & ~KNOWN_PARTS:
            msg = f"data value with encoding mask 0x{mask:02X}"
            raise ValueError(msg)
        layout: Layout | None = None
        if not mask & HAS_VALUE:
            layout = layout_of(mask, 0, handles=self._handles)
        elif marker[1] in NUMERIC:
            layout = layout_of(mask, marker[1], handles=self._handles)
        self[marker] = layout
        return layout


@functools.cache
def layouts_by_marker(*, handles: bool) -> Mapping[bytes, Layout | None]:
    """Layouts of items with or without a client handle in front, by their two bytes from the mask on."""
    return _ByMarker(handles=handles)
