"""Gathered bytes of one kind to raw numbers, all values of a block at once. Pure; see `decode.py`.

A function here gets the bytes of every value of its kind, one after the other, and gives float64; NaN and a mark where
the bits are no number of that kind.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from connectors.modbus.address import Address
from connectors.modbus.kinds import Kind

_BYTES = "<" if sys.byteorder == "little" else ">"
DTYPES: dict[Kind, np.dtype[np.generic]] = {
    kind: np.dtype(f"{_BYTES}{code}")
    for kind, code in {
        Kind.BOOL: "u2",
        Kind.BIT: "u2",
        Kind.BITS: "u2",
        Kind.INT8H: "i1",
        Kind.INT8L: "i1",
        Kind.UINT8H: "u1",
        Kind.UINT8L: "u1",
        Kind.INT16: "i2",
        Kind.INT32: "i4",
        Kind.INT64: "i8",
        Kind.UINT16: "u2",
        Kind.UINT32: "u4",
        Kind.UINT64: "u8",
        Kind.FLOAT16: "f2",
        Kind.FLOAT32: "f4",
        Kind.FLOAT64: "f8",
        Kind.BCD16: "u2",
        Kind.BCD32: "u4",
        Kind.BCD64: "u8",
        Kind.STRING: "u1",
    }.items()
}
_SPACE = 0x20

Convert = Callable[[NDArray[np.generic]], tuple[NDArray[np.generic], NDArray[np.bool_] | None]]
"""From a view of the bytes to numbers, and where there is none (None: everywhere is one)."""


def converter(kind: Kind, addresses: Sequence[Address]) -> Convert | None:
    """How values of this kind become numbers; None where the view of the bytes already holds them.

    Args:
        kind: Of all of them.
        addresses: In the order of their bytes; strings all of one length.
    """
    if kind in (Kind.BIT, Kind.BITS):
        return _bit_fields(addresses)
    if kind is Kind.BOOL:
        return lambda view: (view != 0, None)
    if kind.is_bcd:
        return _bcd(kind)
    if kind is Kind.STRING:
        return _texts(addresses)
    return None


def _bit_fields(addresses: Sequence[Address]) -> Convert:
    shifts = np.array([address.bit for address in addresses], dtype=np.uint16)
    masks = np.array([(1 << address.length) - 1 for address in addresses], dtype=np.uint16)
    return lambda view: ((view >> shifts) & masks, None)  # type: ignore[operator]  # a view of uint16


def _bcd(kind: Kind) -> Convert:
    """Decimal digits, the highest in the highest 4 bits. More than 9 is none."""
    digits = 4 * kind.width
    dtype = DTYPES[kind]
    shifts = np.arange(0, 4 * digits, 4, dtype=dtype)
    powers = np.array([10**i for i in range(digits)], dtype=np.uint64)
    mask = np.array(15, dtype=dtype)

    def convert(view: NDArray[np.generic]) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        nibbles = (view[:, np.newaxis] >> shifts) & mask
        return (nibbles.astype(np.uint64) * powers).sum(axis=1), (nibbles > 9).any(axis=1)

    return convert


def _texts(addresses: Sequence[Address]) -> Convert:
    """The number of each text; the bytes after a NUL and trailing spaces are padding. An unknown text is none."""
    length = addresses[0].length
    pairs = [(i, text, number) for i, address in enumerate(addresses) for text, number in address.rules.texts]
    rows = np.array([row for row, _, _ in pairs], dtype=np.intp)
    texts = np.array([text.encode("ascii") for _, text, _ in pairs], dtype=np.bytes_)
    numbers = np.array([number for _, _, number in pairs], dtype=np.float64)

    def convert(view: NDArray[np.generic]) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        chars = view.reshape(-1, length).copy()
        chars[np.logical_or.accumulate(chars == 0, axis=1)] = 0
        kept = np.logical_or.accumulate(((chars != 0) & (chars != _SPACE))[:, ::-1], axis=1)[:, ::-1]
        chars[~kept] = 0
        found = chars.view(f"S{length}")[:, 0]  # numpy takes trailing NULs for padding too
        values = np.full(len(found), np.nan)
        hits = found[rows] == texts
        values[rows[hits]] = numbers[hits]
        return values, np.isnan(values)

    return convert
