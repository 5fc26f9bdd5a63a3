"""The state of an asset's windows as bytes, in a format of ours: nothing to unpickle, nothing that can run.

Magic with the version, two lengths, two JSON texts, then columns, little-endian, one after the other. The shape of the
windows and the whole tag table stand in it, so that a later start with others can close out the old windows as what
they were. Version 1, which knew neither sessions nor clocks, is read as well; its values in force are not known.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from connectors.tags import TagTable
from flows.errors import StateError
from flows.open_windows import OpenWindows
from flows.timing import Timing
from flows.window_kinds import open_windows, settings_of

_MAGIC, _FIRST = b"SGW2", b"SGW1"  # the digit is the version of the format
_SIZES = struct.Struct("<II")


@dataclass
class Head:
    """What is one of a kind: the books, the watermark and the clock, as in `WindowState`."""

    asset: str
    shape: dict[str, Any]
    newest: int | None
    watermark: int | None
    received: int
    placed: int
    late: int
    dropped: dict[str, int]
    clock: dict[str, Any] | None = None


def pack(head: Head, tags: TagTable | None, windows: OpenWindows) -> bytes:
    """Everything as bytes."""
    text = json.dumps({**asdict(head), "windows": windows.to_json()}).encode()
    texts = [text, _table_text(tags)]
    return b"".join([_MAGIC, _SIZES.pack(*map(len, texts)), *texts, *windows.dump()])


def unpack(data: bytes, timing: Timing) -> tuple[Head, TagTable | None, OpenWindows]:
    """Inverse of `pack`.

    Args:
        data: Of `pack`, of this version or the first.
        timing: Lateness and the like of the windows.

    Raises:
        StateError: Another format, or cut short.
    """
    magic = data[: len(_MAGIC)]
    if magic not in (_MAGIC, _FIRST):
        raise StateError("window", f"format {magic!r} where {_MAGIC!r} or {_FIRST!r} is read")
    try:
        head_size, tags_size = _SIZES.unpack_from(data, len(_MAGIC))
        at = len(_MAGIC) + _SIZES.size
        values = json.loads(data[at : at + head_size])
        table = json.loads(data[at + head_size : at + head_size + tags_size])
        if magic == _FIRST:
            values = _from_first(values, timing)
        inner = values.pop("windows")
        head = Head(**values)
        windows = open_windows(settings_of(head.shape, timing))
        tags = None if table is None else TagTable.from_json(table)
        windows.load(inner, data, at + head_size + tags_size)
        if tags is not None:
            windows.know(tags)
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise StateError("window", f"cut short or damaged ({error})") from error
    return head, tags, windows


def _from_first(values: dict[str, Any], timing: Timing) -> dict[str, Any]:
    """The head of version 1, flat and for windows of a fixed length only, in the words of today."""
    kept = {name: values[name] for name in ("asset", "newest", "received", "placed", "late", "dropped")}
    inner = {name: values[name] for name in ("open_from", "samples", "past") if name in values}
    shape = {name: values[name] for name in ("length_us", "every_us")}
    watermark = None if values["newest"] is None else values["newest"] - timing.lateness_ns
    return {**kept, "shape": {"kind": "window", "align_us": 0, **shape}, "watermark": watermark, "windows": inner}


@lru_cache(maxsize=4096)
def _table_text(tags: TagTable | None) -> bytes:
    """A tag table as JSON; it hardly ever changes and stands in every snapshot."""
    return json.dumps(tags and tags.to_json()).encode()
