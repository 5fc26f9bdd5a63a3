"""Bytes of the journal. Pure: no file, clock or log.

A segment is a preamble (magic, version), a head frame and then frames to its end. A frame is

    u32 length of the payload | u32 CRC-32 of the payload | payload

with a payload of a multiple of 8 bytes, so that every column of every frame lies aligned in the file and in any
buffer that was read from a frame's border. The first byte of a payload is its kind:

    block    kind, origin, asset number, n, received time, newest source time; then the columns
             source_time i64[n], value f64[n], status u32[n], tag u16[n], padding
    notice   kind, 7 zero bytes, JSON padded with spaces (a legal end of JSON: RFC 8259, 2)
    head     kind, 7 zero bytes, JSON: first frame of a segment, see `SegmentHead`

Everything is little-endian. An empty payload is never written, so that a tail of zeros, which a power cut may leave,
is no frame (its CRC would be right). The logical offset of a byte is the segment's base plus its place in the file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from connectors.journal.books import Books
from connectors.samples import Item, Notice, NoticeKind, Origin, SampleBatch
from connectors.tags import TagTable

VERSION = 1
PREAMBLE = struct.Struct("<6sH")
MAGIC = b"SLUICE"
MAX_PAYLOAD = 256 * 2**20  # a longer length is damage, not a block: 12 million samples

_FRAME = struct.Struct("<II")
_BLOCK = struct.Struct("<BBHIqq")
_KIND_BLOCK, _KIND_NOTICE, _KIND_HEAD = 1, 2, 3
_ORIGINS = tuple(Origin)
_I64, _F64, _U32, _U16 = np.dtype("<i8"), np.dtype("<f8"), np.dtype("<u4"), np.dtype("<u2")
_SAMPLE_BYTES = _I64.itemsize + _F64.itemsize + _U32.itemsize + _U16.itemsize
_PADDING = tuple(bytes(-size % 8) for size in range(8))


class Entry(NamedTuple):
    """An item with what the books need of it (see `Line`)."""

    item: Item
    samples: int
    newest: int


def entry_of(item: Item) -> Entry:
    """What an item adds to the books.

    A block counts its samples, a DROPPED notice those it speaks for. The newest source time of a block is never taken
    later than it was received: one wild timestamp in the future must not pose as progress of event time.
    """
    if isinstance(item, SampleBatch):
        n = item.tag.size
        # The ufunc's own reduce: a third of the price of the method max() on short blocks
        newest = min(int(np.maximum.reduce(item.source_time)), item.received_time) if n else 0
        return Entry(item, n, newest)
    return Entry(item, item.count if item.kind is NoticeKind.DROPPED else 0, 0)


def encode(entry: Entry, numbers: Mapping[str, int]) -> tuple[bytes, bytes]:
    """One frame, as two pieces to be joined.

    Args:
        entry: As `entry_of` makes it.
        numbers: Asset to its number in the segment's tables; only blocks need theirs.

    Raises:
        KeyError: The block's asset has no number.
        ValueError: The block is too large for a frame.
    """
    item = entry.item
    if isinstance(item, Notice):
        return _frame(_json(_KIND_NOTICE, asdict(item)))
    n = entry.samples
    pieces = (
        _BLOCK.pack(_KIND_BLOCK, item.origin, numbers[item.tags.asset], n, item.received_time, entry.newest),
        np.ascontiguousarray(item.source_time, _I64).data,
        np.ascontiguousarray(item.value, _F64).data,
        np.ascontiguousarray(item.status, _U32).data,
        np.ascontiguousarray(item.tag, _U16).data,
        _PADDING[n * _SAMPLE_BYTES % 8],
    )
    return _frame(b"".join(pieces))


def block_bytes(samples: int) -> int:
    """Bytes that a block of so many samples takes in a segment; `sluicegate plan` counts with it."""
    columns = samples * _SAMPLE_BYTES
    return _FRAME.size + _BLOCK.size + columns + -columns % 8


class Frames(NamedTuple):
    """What a stretch of a segment holds.

    Attributes:
        entries: The sound frames from its start, in order.
        end: Place in the buffer after the last of them.
        wants: Bytes of the frame at `end` where the buffer holds its beginning only; 0 = not known, or none begins.
        damaged: What stands at `end` is no frame: wrong CRC, impossible length or kind.
    """

    entries: list[Entry]
    end: int
    wants: int
    damaged: bool


def decode(buffer: bytes, tables: Sequence[TagTable], at: int = 0) -> Frames:
    """Decode frames as far as they are whole and sound.

    The columns are read-only views of the buffer: nothing is copied, and the buffer lives as long as any of them does.

    Args:
        buffer: Bytes from a border between two frames.
        tables: The segment's tables, by asset number.
        at: Where to begin, a border too.
    """
    entries: list[Entry] = []
    view, size = memoryview(buffer), len(buffer)
    while at + _FRAME.size <= size:
        length, crc = _FRAME.unpack_from(buffer, at)
        if not 0 < length <= MAX_PAYLOAD or length % 8:
            return Frames(entries, at, 0, damaged=True)
        start, end = at + _FRAME.size, at + _FRAME.size + length
        if end > size:
            return Frames(entries, at, end - at, damaged=False)
        entry = _decode_payload(buffer, start, end, tables) if crc32(view[start:end]) == crc else None
        if entry is None:
            return Frames(entries, at, 0, damaged=True)
        entries.append(entry)
        at = end
    return Frames(entries, at, 0, damaged=False)


def _decode_payload(buffer: bytes, start: int, end: int, tables: Sequence[TagTable]) -> Entry | None:
    """The entry of a payload whose CRC is right; None for one that no software of this version writes."""
    kind = buffer[start]
    if kind == _KIND_NOTICE:
        data = json.loads(buffer[start + 8 : end])
        notice = Notice(**{**data, "kind": NoticeKind(data["kind"])})
        return entry_of(notice)
    if kind != _KIND_BLOCK:
        return None
    _, origin, number, n, received_time, newest = _BLOCK.unpack_from(buffer, start)
    at = start + _BLOCK.size
    if number >= len(tables) or origin >= len(_ORIGINS) or at + n * _SAMPLE_BYTES > end:
        return None
    batch = SampleBatch(
        tables[number],
        np.frombuffer(buffer, _U16, n, at + 20 * n),
        np.frombuffer(buffer, _I64, n, at),
        np.frombuffer(buffer, _F64, n, at + 8 * n),
        np.frombuffer(buffer, _U32, n, at + 16 * n),
        received_time,
        _ORIGINS[origin],
    )
    return Entry(batch, n, newest)


def frame_size(buffer: bytes, at: int) -> int:
    """Bytes of the frame that may begin here, going by its length alone; 0 where none can."""
    if at + _FRAME.size > len(buffer):
        return 0
    length, _ = _FRAME.unpack_from(buffer, at)
    return _FRAME.size + int(length) if 0 < length <= MAX_PAYLOAD and not length % 8 else 0


def claimed(buffer: bytes, at: int, tables: Sequence[TagTable]) -> tuple[str, int] | None:
    """Asset and samples of the block that a frame claims to be, whatever its check sum; None where it cannot be one."""
    start, end = at + _FRAME.size, at + frame_size(buffer, at)
    if not start + _BLOCK.size <= end <= len(buffer) or buffer[start] != _KIND_BLOCK:
        return None
    _, origin, number, n, _, _ = _BLOCK.unpack_from(buffer, start)
    padded = (_BLOCK.size + n * _SAMPLE_BYTES + 7) // 8 * 8
    if number >= len(tables) or origin >= len(_ORIGINS) or start + padded != end:
        return None
    return tables[number].asset, int(n)


@dataclass(frozen=True)
class SegmentHead:
    """First words of a segment: enough to read it without any other.

    Attributes:
        base: Logical offset of the file's first byte.
        created: Wall clock of the writer, ns since the epoch.
        tables: By asset number.
        books: Cumulative, at the segment's start.
    """

    base: int
    created: int
    tables: tuple[TagTable, ...]
    books: Books


def encode_head(head: SegmentHead) -> bytes:
    """The bytes a segment begins with: preamble and head frame."""
    data = {
        "base": head.base,
        "created": head.created,
        "tables": [table.to_json() for table in head.tables],
        "books": head.books.to_json(),
    }
    return b"".join([PREAMBLE.pack(MAGIC, VERSION), *_frame(_json(_KIND_HEAD, data))])


def head_size(start: bytes) -> int:
    """Bytes that a segment's head takes, from the first 16 bytes of the file; 0 where it begins with no head."""
    if len(start) < PREAMBLE.size + _FRAME.size or not start.startswith(MAGIC):
        return 0
    length, _ = _FRAME.unpack_from(start, PREAMBLE.size)
    return PREAMBLE.size + _FRAME.size + int(length) if 0 < length <= MAX_PAYLOAD else 0


def head_version(start: bytes) -> int:
    """Format version a segment claims, from the first bytes of the file; 0 where it is no segment."""
    if len(start) < PREAMBLE.size:
        return 0
    magic, version = PREAMBLE.unpack_from(start)
    return int(version) if magic == MAGIC else 0


def decode_head(buffer: bytes) -> SegmentHead | None:
    """Inverse of `encode_head`; None where the head is cut short or damaged."""
    size = head_size(buffer)
    at = PREAMBLE.size + _FRAME.size
    if not size or size > len(buffer):
        return None
    _, crc = _FRAME.unpack_from(buffer, PREAMBLE.size)
    if crc32(buffer[at:size]) != crc or buffer[at] != _KIND_HEAD:
        return None
    data = json.loads(buffer[at + 8 : size])
    tables = tuple(TagTable.from_json(table) for table in data["tables"])
    return SegmentHead(data["base"], data["created"], tables, Books.from_json(data["books"]))


def _frame(payload: bytes) -> tuple[bytes, bytes]:
    if len(payload) > MAX_PAYLOAD:
        msg = f"a frame of {len(payload)} bytes, at most {MAX_PAYLOAD} are possible; hand over smaller blocks"
        raise ValueError(msg)
    return _FRAME.pack(len(payload), crc32(payload)), payload


def _json(kind: int, data: Mapping[str, Any]) -> bytes:
    text = json.dumps(data, separators=(",", ":")).encode()
    return bytes([kind, 0, 0, 0, 0, 0, 0, 0]) + text + b" " * (-len(text) % 8)
