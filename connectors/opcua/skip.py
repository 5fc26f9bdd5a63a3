"""Where things end in an OPC-UA binary message, for everything whose content is of no use here. OPC 10000-6, 5.2.

Every function takes the bytes and a position and returns the position behind. Too short data raises ValueError,
IndexError or struct.error; nesting is bounded, so no message can exhaust the stack.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

_I32 = struct.Struct("<i")
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")

VARIANT_TYPE, VARIANT_DIMENSIONS, VARIANT_ARRAY = 0x3F, 0x40, 0x80
MAX_NESTING = 20  # deeper ones are refused (5.1.5 asks decoders to bound it); plants send 3 at most

# Bytes of the built-in types of fixed length: Boolean .. Double, DateTime, Guid, StatusCode.
_FIXED = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 4, 11: 8, 13: 8, 14: 16, 19: 4}


def numeric_id(data: bytes, pos: int) -> tuple[int, int]:
    """A NodeId and its number in namespace 0; -1 for any other."""
    end = node_id(data, pos)
    kind = data[pos]
    if kind == 0:
        return data[pos + 1], end
    if kind == 1 and data[pos + 1] == 0:
        return int(_U16.unpack_from(data, pos + 2)[0]), end
    if kind == 2 and _U16.unpack_from(data, pos + 1)[0] == 0:
        return int(_U32.unpack_from(data, pos + 3)[0]), end
    return -1, end


def string(data: bytes, pos: int) -> int:
    """String, ByteString, XmlElement: length and bytes; -1 = null."""
    length = _I32.unpack_from(data, pos)[0]
    return _within(data, pos + 4 + max(length, 0))


def strings(data: bytes, pos: int) -> int:
    """An array of strings."""
    return _array(data, pos, string)


def counted(data: bytes, pos: int, size: int) -> int:
    """An array of elements of fixed size."""
    return _within(data, pos + 4 + max(_I32.unpack_from(data, pos)[0], 0) * size)


def node_id(data: bytes, pos: int) -> int:
    """NodeId or ExpandedNodeId (5.2.2.9, 5.2.2.10)."""
    kind = data[pos]
    form = kind & 0x3F
    if form == 0:
        end = pos + 2
    elif form == 1:
        end = pos + 4
    elif form == 2:
        end = pos + 7
    elif form in (3, 5):
        end = string(data, pos + 3)
    elif form == 4:
        end = pos + 19
    else:
        msg = f"node id of form {form} at byte {pos}"
        raise ValueError(msg)
    if kind & 0x80:  # namespace URI
        end = string(data, end)
    if kind & 0x40:  # server index
        end += 4
    return _within(data, end)


def extension_object(data: bytes, pos: int) -> int:
    """Type id, encoding, body (5.2.2.15). A body without length cannot be skipped and is refused."""
    pos = node_id(data, pos)
    encoding = data[pos]
    return pos + 1 if encoding == 0 else string(data, pos + 1)


def diagnostic_info(data: bytes, pos: int, depth: int = 0) -> int:
    """5.2.2.12."""
    _bounded(depth)
    mask = data[pos]
    pos += 1
    pos += 4 * (mask & 0x0F).bit_count()  # symbolic id, namespace, localized text, locale
    if mask & 0x10:
        pos = string(data, pos)
    if mask & 0x20:
        pos += 4
    if mask & 0x40:
        pos = diagnostic_info(data, pos, depth + 1)
    return _within(data, pos)


def variant(data: bytes, pos: int, depth: int = 0) -> int:
    """5.2.2.16."""
    _bounded(depth)
    encoding = data[pos]
    kind = encoding & VARIANT_TYPE
    pos += 1
    if kind == 0:
        return pos
    if not encoding & VARIANT_ARRAY:
        return _element(data, pos, kind, depth)
    if kind in _FIXED:
        pos = counted(data, pos, _FIXED[kind])
    else:
        pos = _array(data, pos, lambda data, pos: _element(data, pos, kind, depth))
    return counted(data, pos, 4) if encoding & VARIANT_DIMENSIONS else pos


def dimensions(data: bytes, pos: int) -> int:
    """Number of dimensions of the array Variant with dimensions at `pos`, whose elements have a fixed length."""
    kind = data[pos] & VARIANT_TYPE
    return int(_I32.unpack_from(data, counted(data, pos + 1, _FIXED[kind]))[0])


def _element(data: bytes, pos: int, kind: int, depth: int) -> int:
    if kind in _FIXED:
        return _within(data, pos + _FIXED[kind])
    if kind in (17, 18):
        return node_id(data, pos)
    if kind == 20:  # QualifiedName
        return string(data, pos + 2)
    if kind == 21:  # LocalizedText
        mask = data[pos]
        pos += 1
        for bit in (1, 2):
            if mask & bit:
                pos = string(data, pos)
        return pos
    if kind == 22:
        return extension_object(data, pos)
    if kind == 23:
        return _data_value(data, pos, depth + 1)
    if kind == 24:
        return variant(data, pos, depth + 1)
    if kind == 25:
        return diagnostic_info(data, pos, depth + 1)
    return string(data, pos)  # 12, 15, 16, and what is reserved (26-31: decoded as ByteString)


def _data_value(data: bytes, pos: int, depth: int) -> int:
    mask = data[pos]
    pos += 1
    if mask & 1:
        pos = variant(data, pos, depth)
    for bit, size in ((2, 4), (4, 8), (8, 8), (16, 2), (32, 2)):
        pos += size if mask & bit else 0
    return _within(data, pos)


def _array(data: bytes, pos: int, element: Callable[[bytes, int], int]) -> int:
    count = _I32.unpack_from(data, pos)[0]
    pos += 4
    if count > len(data) - pos:
        msg = f"{count} elements in {len(data) - pos} bytes"
        raise ValueError(msg)
    for _ in range(count):
        pos = element(data, pos)
    return pos


def _within(data: bytes, pos: int) -> int:
    if pos > len(data):
        msg = f"content ends at byte {pos} of {len(data)}"
        raise ValueError(msg)
    return pos


def _bounded(depth: int) -> None:
    if depth > MAX_NESTING:
        msg = f"nested deeper than {MAX_NESTING}"
        raise ValueError(msg)
