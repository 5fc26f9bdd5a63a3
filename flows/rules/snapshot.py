"""The state of the rules of one asset as bytes: magic and version, one JSON text, raw columns. Nothing to unpickle."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from flows.errors import StateError

_MAGIC = b"SGR1"  # the digit is the version of the format
_SIZE = struct.Struct("<I")
_COLUMNS = {"i": "<i8", "f": "<f8"}


def pack(head: dict[str, Any], kept: list[dict[str, Any]]) -> bytes:
    """Bytes that `unpack` reads.

    Args:
        head: JSON values.
        kept: One for each rule: JSON values, and arrays of int64 or float64.
    """
    columns: list[bytes] = []
    rules = []
    for one in kept:
        plain, arrays = {}, []
        for name, value in one.items():
            if isinstance(value, np.ndarray):
                arrays.append([name, value.dtype.kind, len(value)])
                columns.append(value.astype(_COLUMNS[value.dtype.kind]).tobytes())
            else:
                plain[name] = value
        rules.append([plain, arrays])
    text = json.dumps({"head": head, "rules": rules}).encode()
    return b"".join([_MAGIC, _SIZE.pack(len(text)), text, *columns])


def unpack(data: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Inverse of `pack`.

    Raises:
        StateError: Another format, or cut short.
    """
    if data[: len(_MAGIC)] != _MAGIC:
        raise StateError("rules", f"format {data[: len(_MAGIC)]!r} where {_MAGIC!r} is read")
    try:
        (size,) = _SIZE.unpack_from(data, len(_MAGIC))
        at = len(_MAGIC) + _SIZE.size + size
        read = json.loads(data[at - size : at])
        kept = []
        for plain, arrays in read["rules"]:
            for name, kind, count in arrays:
                column = np.frombuffer(data, _COLUMNS[kind], count, at)
                plain[name] = column.astype(column.dtype.newbyteorder("="))
                at += column.nbytes
            kept.append(plain)
        return read["head"], kept
    except (ValueError, TypeError, KeyError, struct.error) as error:
        raise StateError("rules", f"cut short or damaged ({error})") from error
