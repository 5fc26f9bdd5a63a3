"""Sound inputs made unsound: bits, lengths, numbers at their limits, pieces doubled, cut or taken from another."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

_LIMITS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_WORDS = (
    b"null",
    b"NaN",
    b"-1",
    b"1e999",
    b"true",
    b'""',
    b"[]",
    b"{}",
    b"\\ud800",
    b"\x00",
    b"\n",
    b'"',
    b"9" * 40,
    b"[" * 2000,
)


def mutated(seeds: Sequence[bytes], draw: random.Random) -> bytes:
    """One input, mutated one to four times.

    Args:
        seeds: Sound inputs.
        draw: Where chance comes from; the same one gives the same input.
    """
    data = bytearray(draw.choice(seeds))
    for _ in range(draw.randint(1, 4)):
        _MUTATIONS[draw.randrange(len(_MUTATIONS))](data, seeds, draw)
    return bytes(data)


def _flip(data: bytearray, _: Sequence[bytes], draw: random.Random) -> None:
    if data:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _byte(data: bytearray, _: Sequence[bytes], draw: random.Random) -> None:
    if data:
        data[draw.randrange(len(data))] = draw.randrange(256)


def _number(data: bytearray, _: Sequence[bytes], draw: random.Random) -> None:
    """A length or a count is at its limit."""
    form = draw.choice(("<I", ">I", "<H", ">H", "B"))
    size = struct.calcsize(form)
    if len(data) >= size:
        at = draw.randrange(len(data) - size + 1)
        data[at : at + size] = struct.pack(form, draw.choice(_LIMITS) & ((1 << 8 * size) - 1))


def _cut(data: bytearray, _: Sequence[bytes], draw: random.Random) -> None:
    del data[draw.randint(0, len(data)) :]


def _drop(data: bytearray, _: Sequence[bytes], draw: random.Random) -> None:
    start, end = _piece(data, draw)
    del data[start:end]


def _double(data: bytearray, _: Sequence[bytes], draw: random.Random) -> None:
    start, end = _piece(data, draw)
    data[end:end] = data[start:end]


def _word(data: bytearray, _: Sequence[bytes], draw: random.Random) -> None:
    start, end = _piece(data, draw)
    data[start : min(end, start + draw.randint(0, 8))] = draw.choice(_WORDS)


def _splice(data: bytearray, seeds: Sequence[bytes], draw: random.Random) -> None:
    other = draw.choice(seeds)
    start, end = _piece(bytearray(other), draw)
    at = draw.randint(0, len(data))
    data[at:at] = other[start:end]


def _piece(data: bytearray, draw: random.Random) -> tuple[int, int]:
    start = draw.randint(0, len(data))
    return start, draw.randint(start, min(len(data), start + 64))


_MUTATIONS = (_flip, _byte, _number, _cut, _drop, _double, _word, _splice)
