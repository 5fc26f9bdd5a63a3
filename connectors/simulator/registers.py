"""What a Modbus register can hold of a value, and what a reader gets back from it. Pure."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from connectors.modbus.address import Address, Kind, Order

_RANGE = {Kind.INT16: (-32_768, 32_767), Kind.UINT16: (0, 65_535), Kind.UINT32: (0, 2**32 - 1)}


def encode(address: Address, value: float) -> list[int]:
    """The registers that hold a value, in the order of their addresses; integers are rounded and kept in range.

    Args:
        address: Of a kind that the plant uses: int16, uint16, or float32 and uint32 with either order of their words.
        value: In the engineering unit, finite.
    """
    if address.kind in (Kind.FLOAT32, Kind.UINT32):
        whole = address.kind is Kind.UINT32
        packed = struct.pack(">I", int(_raw(address, np.float64(value)))) if whole else struct.pack(">f", value)
        high, low = struct.unpack(">2H", packed)
        return [low, high] if address.order is Order.CDAB else [high, low]
    return [int(_raw(address, np.float64(value))) & 0xFFFF]


def as_read(address: Address, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values that a reader of the registers gets: rounded to what the register can hold, scaled back."""
    if address.kind is Kind.FLOAT32:
        return values.astype(np.float32).astype(np.float64)
    read: NDArray[np.float64] = _raw(address, values) * address.scale + address.offset
    return read


def _raw(address: Address, values: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    raw: NDArray[np.float64] = np.clip(np.rint((values - address.offset) / address.scale), *_RANGE[address.kind])
    return raw
