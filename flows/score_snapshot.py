"""What stateful models remember as bytes, in a format of ours: nothing to unpickle, nothing that can run.

Magic with the version, the length of a JSON head, the head (models, their assets and ports), then the numbers of each
model, little-endian, one array after the other.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping

from flows.errors import StateError
from flows.score_memory import ScoreMemory

_MAGIC = b"SGM1"  # the digit is the version of the format
_SIZE = struct.Struct("<I")


def pack(memories: Mapping[str, ScoreMemory]) -> bytes:
    """Everything as bytes; the same bytes for the same memories."""
    head = json.dumps({model: memory.to_json() for model, memory in memories.items()}, separators=(",", ":")).encode()
    numbers = [part for memory in memories.values() for part in memory.dump()]
    return b"".join([_MAGIC, _SIZE.pack(len(head)), head, *numbers])


def unpack(data: bytes) -> dict[str, ScoreMemory]:
    """Inverse of `pack`.

    Raises:
        StateError: Another format, or cut short.
    """
    if data[: len(_MAGIC)] != _MAGIC:
        raise StateError("score", f"format {data[: len(_MAGIC)]!r} where {_MAGIC!r} is read")
    memories = {}
    try:
        (size,) = _SIZE.unpack_from(data, len(_MAGIC))
        at = len(_MAGIC) + _SIZE.size
        head = json.loads(data[at : at + size])
        at += size
        for model, one in head.items():
            memories[model], at = ScoreMemory.load(one, data, at)
    except (AttributeError, KeyError, TypeError, ValueError, struct.error) as error:
        raise StateError("score", f"cut short or damaged ({error})") from error
    if at != len(data):
        raise StateError("score", f"{len(data) - at} bytes too many")
    return memories
