"""Rows cut out of the pages of a damaged file, one cell at a time: a page that is damaged costs its own rows only.

Nothing here is believed: whoever calls checks each row by its own checksum. Pure.
Layout: https://www.sqlite.org/fileformat2.html, sections 1.6 (b-tree pages), 1.7 (overflow) and 2.1 (records).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cloud_sink.outbox.pages import PAGE, Pages

_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR = 0x0D, 0x0A, 0x02
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial type: bytes
_CONSTANTS = {8: 0, 9: 1}
# Most payload that stays on the page, and what stays of a larger one.
_MOST_IN_TABLE, _MOST_IN_INDEX = PAGE - 35, (PAGE - 12) * 64 // 255 - 23
_LEAST = (PAGE - 12) * 32 // 255 - 23
_MOST_CELLS = PAGE // 6  # two bytes point to each, and none is smaller than four
_LARGEST = 1 << 28  # a size beyond this is damage

Cell = int | str | bytes | float | None


@dataclass(frozen=True, slots=True)
class Carved:
    """One record.

    Attributes:
        rowid: Of a table with rowids; None in an index or a table without them.
        values: Its columns; the one that stands for the rowid is None.
    """

    rowid: int | None
    values: tuple[Cell, ...]


def carve(pages: Pages) -> Iterator[Carved]:
    """Every record that can be read, in the order of the pages."""
    for number, page in pages.live():
        start = 100 if number == 1 else 0
        kind = page[start]
        if kind not in {_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR}:
            continue
        first = start + (12 if kind == _INDEX_INTERIOR else 8)
        cells = min(int.from_bytes(page[start + 3 : start + 5]), _MOST_CELLS)
        for at in range(first, first + 2 * cells, 2):
            offset = int.from_bytes(page[at : at + 2])
            try:
                yield _record(pages, page, kind, offset)
            except (ValueError, IndexError):  # damaged: the next cell may not be
                continue


def _record(pages: Pages, page: bytes, kind: int, at: int) -> Carved:
    if kind == _INDEX_INTERIOR:
        at += 4  # the child's number
    size, at = _varint(page, at)
    rowid = None
    if kind == _TABLE_LEAF:
        rowid, at = _varint(page, at)
    most = _MOST_IN_TABLE if kind == _TABLE_LEAF else _MOST_IN_INDEX
    return Carved(rowid, tuple(_columns(_payload(pages, page, at, size, most))))


def _payload(pages: Pages, page: bytes, at: int, size: int, most: int) -> bytes:
    if size > _LARGEST:
        raise ValueError
    if size <= most:
        return page[at : at + size]
    here = _LEAST + (size - _LEAST) % (PAGE - 4)
    here = here if here <= most else _LEAST
    parts, left = [page[at : at + here]], size - here
    number = int.from_bytes(page[at + here : at + here + 4])
    while left > 0:
        if not (overflow := pages[number]):
            raise ValueError
        parts.append(overflow[4 : 4 + left])
        left -= PAGE - 4
        number = int.from_bytes(overflow[:4])
    return b"".join(parts)


def _columns(payload: bytes) -> Iterator[Cell]:
    head, at = _varint(payload, 0)
    if head > len(payload):
        raise ValueError
    body = head
    while at < head:
        kind, at = _varint(payload, at)
        value, body = _value(payload, kind, body)
        yield value


def _value(payload: bytes, kind: int, at: int) -> tuple[Cell, int]:
    if kind == 0:
        return None, at
    if kind in _CONSTANTS:
        return _CONSTANTS[kind], at
    size = _INTEGERS.get(kind) or (8 if kind == 7 else (kind - 12) // 2)
    data, end = payload[at : at + size], at + size
    if len(data) < size or kind in {10, 11}:
        raise ValueError
    if kind in _INTEGERS:
        return int.from_bytes(data, signed=True), end
    if kind == 7:
        return float("nan"), end  # no column of ours is one
    return (data.decode() if kind % 2 else data), end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer and where it ends."""
    value = 0
    for place in range(8):
        byte = data[at + place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    value = value << 8 | data[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9
