"""Data values one by one: what has no fixed length, and runs too short for a block. Pure.

The only place where a sample is a Python object on its way, and the slow one: 1.4 us each against 11 ns in a block.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from connectors.opcua import skip
from connectors.opcua.columns import Shape, Values
from connectors.opcua.layout import (
    BOOLEAN,
    DATE_TIME,
    EPOCH_TICKS,
    HAS_SERVER,
    HAS_SERVER_PICO,
    HAS_SOURCE,
    HAS_SOURCE_PICO,
    HAS_STATUS,
    NUMERIC,
    TICKS_PER_SECOND,
    Layout,
    to_float,
)

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_I64 = struct.Struct("<q")


class Singles:
    """Items read one by one.

    Attributes:
        rows: Since the last `take`: handle, value, status, source and server timestamp, shape.
        arrays: Of all rows ever, by row; see `Values.arrays`.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[int, float, int, int, int, int]] = []
        self.arrays: dict[int, NDArray[np.float64]] = {}

    def few(self, data: bytes, starts: Mapping[Layout, Sequence[int]], first: int) -> None:
        """Items with a fixed length, one by one; see `mixed.stretch`."""
        items = sorted((pos, layout) for layout, found in starts.items() for pos in found)  # no two at one place
        for row, (pos, layout) in enumerate(items, first):
            handle, value, status, source, server = layout.where
            parts = layout.struct.unpack_from(data, pos)
            self.rows.append(
                (
                    row if handle < 0 else parts[handle],
                    float("nan") if value < 0 else _number(parts[value], layout.kind),
                    0 if status < 0 else parts[status],
                    0 if source < 0 else parts[source],
                    0 if server < 0 else parts[server],
                    Shape.NUMBER if layout.kind else Shape.NOTHING,
                )
            )

    def one(self, data: bytes, pos: int, row: int, *, handles: bool) -> int:
        """An item whose value has no fixed length; returns where it ends."""
        handle = row
        if handles:
            handle = _U32.unpack_from(data, pos)[0]
            pos += 4
        mask = data[pos]
        array, shape, pos = _odd_value(data, pos + 1)
        if array is not None:
            self.arrays[row] = array
        status = source = server = 0
        if mask & HAS_STATUS:
            status = _U32.unpack_from(data, pos)[0]
            pos += 4
        if mask & HAS_SOURCE:
            source = _I64.unpack_from(data, pos)[0]
            pos += 8
        pos += 2 if mask & HAS_SOURCE_PICO else 0
        if mask & HAS_SERVER:
            server = _I64.unpack_from(data, pos)[0]
            pos += 8
        pos += 2 if mask & HAS_SERVER_PICO else 0
        if pos > len(data):
            msg = "data value runs over the end"
            raise ValueError(msg)
        self.rows.append((handle, float("nan"), status, source, server, shape))
        return pos

    def take(self) -> Values:
        """The rows as columns; begins anew."""
        handle, value, status, source, server, shape = zip(*self.rows, strict=True) if self.rows else ((),) * 6
        self.rows.clear()
        return Values(
            np.array(handle, dtype=np.uint32),
            np.array(value, dtype=np.float64),
            np.array(status, dtype=np.uint32),
            np.array(source, dtype=np.int64),
            np.array(server, dtype=np.int64),
            np.array(shape, dtype=np.uint8),
        )


def _number(raw: float, kind: int) -> float:
    """One number as `to_float` would make it."""
    if kind == BOOLEAN:
        return float(raw != 0)
    if kind == DATE_TIME:
        # int64 arithmetic wraps in a block; do as it does, the result of such a time is meaningless either way.
        ticks = (int(raw) - EPOCH_TICKS + (1 << 63)) % (1 << 64) - (1 << 63)
        return float(ticks) / TICKS_PER_SECOND
    return float(raw)


def _odd_value(data: bytes, pos: int) -> tuple[NDArray[np.float64] | None, Shape, int]:
    """A Variant that is no single number: array of numbers, nothing, or something else."""
    encoding = data[pos]
    if encoding == 0:
        return None, Shape.NOTHING, pos + 1
    end = skip.variant(data, pos)
    kind = encoding & skip.VARIANT_TYPE
    if kind not in NUMERIC or not encoding & skip.VARIANT_ARRAY:
        return None, Shape.OTHER, end
    if encoding & skip.VARIANT_DIMENSIONS and skip.dimensions(data, pos) != 1:
        return None, Shape.OTHER, end
    length = _I32.unpack_from(data, pos + 1)[0]
    if length <= 0:
        return None, Shape.NOTHING, end
    numbers = np.frombuffer(data, NUMERIC[kind], length, pos + 5)
    return to_float(numbers, kind), Shape.NUMBERS, end
