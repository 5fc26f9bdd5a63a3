"""Where the bytes of a block's values are, and where the values go. Pure; see `decode.py`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.modbus.address import Address
from connectors.modbus.kinds import Kind
from connectors.modbus.raw import DTYPES


@dataclass(frozen=True, slots=True)
class Layout:
    """How values of one kind lie in the reply, or in the gathered bytes.

    Attributes:
        dtype: Of one value, in the order of its bytes.
        size: How many values; of texts, characters.
        first: Where their bytes begin.
        step: Bytes from one value to the next.
        gathered: Whether it is the gathered bytes.
    """

    dtype: np.dtype[np.generic]
    size: int
    first: int
    step: int
    gathered: bool

    def view(self, reply: bytes, gathered: NDArray[np.uint8] | None) -> NDArray[np.generic]:
        """The values, of either."""
        return np.ndarray(self.size, self.dtype, gathered if self.gathered else reply, self.first, self.step)


def even_layout(kind: Kind, sources: Sequence[Sequence[int]]) -> Layout | None:
    """Where numpy can read values as they lie in the reply: all at one distance, each in one of its two orders."""
    if kind is Kind.STRING:
        return None
    width = len(sources[0])
    up = list(range(width))
    first = min(sources[0])
    step = min(sources[1]) - first if len(sources) > 1 else width
    for native in (up, up[::-1]):
        if all([byte - first - i * step for byte in source] == native for i, source in enumerate(sources)):
            dtype = DTYPES[kind] if native == up else DTYPES[kind].newbyteorder()
            return Layout(dtype, len(sources), first, step, gathered=False)
    return None


def gathered_layout(kind: Kind, sources: Sequence[Sequence[int]], first: int) -> Layout:
    """Where values are once their bytes were gathered, behind `first` others."""
    itemsize = DTYPES[kind].itemsize
    return Layout(DTYPES[kind], sum(map(len, sources)) // itemsize, first, itemsize, gathered=True)


def rank(address: Address) -> tuple[int, str, int]:
    """Widest items first, then bytes and texts: every run then starts at a multiple of its own item size."""
    return -DTYPES[address.kind].itemsize, address.kind, address.length if address.kind is Kind.STRING else 1


def native_bytes(address: Address, start: int) -> list[int]:
    """Positions in the reply of the bytes of one value, in this machine's own order; of a text, in reading order."""
    words = range(address.register - start, address.end - start)
    high_first: list[int] = []
    for word in reversed(words) if address.order.words_reversed else words:
        pair = [2 * word, 2 * word + 1]
        high_first += reversed(pair) if address.order.bytes_swapped else pair
    match address.kind:
        case Kind.INT8H | Kind.UINT8H:
            return high_first[:1]
        case Kind.INT8L | Kind.UINT8L:
            return high_first[1:]
        case Kind.STRING:
            return high_first[: address.length]
        case _:
            return high_first[::-1] if sys.byteorder == "little" else high_first


def target_of(members: Sequence[int]) -> slice | NDArray[np.intp]:
    """A slice where the members stand side by side: cheaper than an index array."""
    if list(members) == list(range(members[0], members[0] + len(members))):
        return slice(members[0], members[0] + len(members))
    return np.array(members, dtype=np.intp)
