"""Reply bytes to float64 columns, a whole block at a time. Pure.

What there is to know about a block is compiled once: which bytes, in which order, make the values of each kind.
Decoding is then one byte gather for the whole block, one view and one conversion per kind, and scaling.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.modbus.address import Address, Kind

_BYTES = "<" if sys.byteorder == "little" else ">"
_DTYPES: dict[Kind, np.dtype[np.generic]] = {
    kind: np.dtype(f"{_BYTES}{code}")
    for kind, code in {
        Kind.BIT: "u2",
        Kind.INT16: "i2",
        Kind.INT32: "i4",
        Kind.INT64: "i8",
        Kind.UINT16: "u2",
        Kind.UINT32: "u4",
        Kind.UINT64: "u8",
        Kind.FLOAT16: "f2",
        Kind.FLOAT32: "f4",
        Kind.FLOAT64: "f8",
    }.items()
}


@dataclass(frozen=True, slots=True)
class _Run:
    """Values of one kind: their bytes within the gathered block, and where they go."""

    dtype: np.dtype[np.generic]
    first_byte: int
    last_byte: int
    target: slice | NDArray[np.intp]
    shifts: NDArray[np.uint16] | None  # for bits of registers


class RegisterDecoder:
    """Decodes the replies to one request for registers."""

    def __init__(self, start: int, addresses: Sequence[Address]) -> None:
        """Compile.

        Args:
            start: First register of the request.
            addresses: Register values that lie within it, in the order in which they shall come out.
        """
        self._n = len(addresses)
        # Widest first: every run then starts at a multiple of its own item size.
        by_kind: dict[Kind, list[int]] = {}
        for i in sorted(range(self._n), key=lambda i: (-addresses[i].kind.width, addresses[i].kind)):
            by_kind.setdefault(addresses[i].kind, []).append(i)
        gather: list[int] = []
        self._runs: list[_Run] = []
        for kind, members in by_kind.items():
            first = len(gather)
            for i in members:
                gather += _native_bytes(addresses[i], start)
            bits = [addresses[i].bit for i in members]
            shifts = np.array(bits, dtype=np.uint16) if kind is Kind.BIT else None
            self._runs.append(_Run(_DTYPES[kind], first, len(gather), _target(members), shifts))
        self._gather = np.array(gather, dtype=np.intp)
        self._scaling = _Scaling(addresses)

    def decode(self, payload: bytes) -> NDArray[np.float64]:
        """Values in engineering units, in the order of the addresses. NaN and infinities come through as they are.

        Integers beyond 2**53 are rounded to the nearest float64.

        Args:
            payload: The registers as they came, two bytes each; the master has checked their number.
        """
        block = np.frombuffer(payload, dtype=np.uint8)[self._gather]
        values = np.empty(self._n, dtype=np.float64)
        with np.errstate(invalid="ignore"):  # widening a signalling NaN
            for run in self._runs:
                raw = block[run.first_byte : run.last_byte].view(run.dtype)
                values[run.target] = raw if run.shifts is None else (raw >> run.shifts) & 1
        return self._scaling.apply(values)


class BitDecoder:
    """Decodes the replies to one request for coils or discrete inputs."""

    def __init__(self, start: int, addresses: Sequence[Address]) -> None:
        """Compile; arguments as in `RegisterDecoder`."""
        self._gather = np.array([address.register - start for address in addresses], dtype=np.intp)
        self._scaling = _Scaling(addresses)

    def decode(self, payload: bytes) -> NDArray[np.float64]:
        """0.0 or 1.0 (then scaled) in the order of the addresses.

        Args:
            payload: The bits as they came, the first one in the lowest bit of the first byte (V1.1b3, 6.1).
        """
        bits = np.unpackbits(np.frombuffer(payload, dtype=np.uint8), bitorder="little")
        return self._scaling.apply(bits[self._gather].astype(np.float64))


Decoder = RegisterDecoder | BitDecoder


def compile_decoder(start: int, addresses: Sequence[Address]) -> Decoder:
    """The decoder of one request.

    Args:
        start: First address of the request.
        addresses: At least one, all of one table and within the request.
    """
    return BitDecoder(start, addresses) if addresses[0].table.of_bits else RegisterDecoder(start, addresses)


class _Scaling:
    """Scale and offset of a block; skipped where no address has any."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        scale = np.array([address.scale for address in addresses], dtype=np.float64)
        offset = np.array([address.offset for address in addresses], dtype=np.float64)
        self._scale = scale if (scale != 1).any() else None
        self._offset = offset if (offset != 0).any() else None

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scale in place. Overflow gives an infinity, which the driver reports as bad."""
        if self._scale is None and self._offset is None:
            return values
        with np.errstate(over="ignore", invalid="ignore"):
            if self._scale is not None:
                values *= self._scale
            if self._offset is not None:
                values += self._offset
        return values


def _native_bytes(address: Address, start: int) -> list[int]:
    """Positions in the reply of the bytes of one value, in this machine's own order."""
    words = range(address.register - start, address.end - start)
    high_first: list[int] = []
    for word in reversed(words) if address.order.words_reversed else words:
        pair = [2 * word, 2 * word + 1]
        high_first += reversed(pair) if address.order.bytes_swapped else pair
    return high_first[::-1] if sys.byteorder == "little" else high_first


def _target(members: list[int]) -> slice | NDArray[np.intp]:
    """A slice where the members stand side by side: cheaper than an index array."""
    if members == list(range(members[0], members[0] + len(members))):
        return slice(members[0], members[0] + len(members))
    return np.array(members, dtype=np.intp)
