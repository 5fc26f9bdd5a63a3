"""Sequence numbers of notification messages: 1 .. 2^32 - 1, then 1 again (OPC 10000-4, 7.8)."""

from __future__ import annotations

from collections.abc import Iterator

_NUMBERS = 0xFFFF_FFFF
FIRST = 1


def after(sequence: int) -> int:
    """The number that follows."""
    return sequence % _NUMBERS + 1


def ahead(sequence: int, expected: int) -> int:
    """How many messages are missing before `sequence`; negative: it has been seen already."""
    distance = (sequence - expected) % _NUMBERS
    return distance if distance <= _NUMBERS // 2 else distance - _NUMBERS


def following(start: int, count: int) -> Iterator[int]:
    """`count` numbers from `start` on."""
    number = start
    for _ in range(count):
        yield number
        number = after(number)
