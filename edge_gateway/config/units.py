"""Texts with units as people write them: durations, sizes of data, paths."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from flows.durations import duration

# IEC 80000-13 binary prefixes and SI decimal ones.
_SIZES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")


def parse_size(text: object) -> int:
    """Bytes of "512 MiB", "20 GB", "4096 B".

    Raises:
        ValueError: No number with one of the units.
    """
    if bare := _bare(text):
        msg = f'is a bare number, which says no unit; write "{bare} MiB" or "{bare} B", in quotes'
        raise ValueError(msg)
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if match is None or match[2] not in _SIZES:
        msg = f"must be a text of a number and one of the units {', '.join(_SIZES)}, for example '512 MiB'"
        raise ValueError(msg)
    return int(Decimal(match[1]) * _SIZES[match[2]])


def size_text(size: int) -> str:
    """The shortest exact text of a size in binary units."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _SIZES[unit] == 0:
            return f"{size // _SIZES[unit]} {unit}"
    return f"{size} B"


def duration_text(duration: timedelta) -> str:
    """The shortest exact text of a duration."""
    us = round(duration / timedelta(microseconds=1))
    for unit, size in (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000)):
        if us and us % size == 0:
            return f"{us // size}{unit}"
    return f"{us // 1000}ms" if us % 1000 == 0 else f"{us / 1000}ms"


def _bare(value: object) -> str:
    """A number without a unit, as it would be written; "" for anything else."""
    if isinstance(value, str):
        return value.strip() if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value, re.ASCII) else ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else ""


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if bare := _bare(value):
        msg = f'is a bare number, which says no unit; write "{bare}s" or "{bare}ms", in quotes'
        raise ValueError(msg)
    if isinstance(value, str):
        try:
            return duration(value)
        except ValueError as error:
            # It leads with "duration = ...:"; key and value are told by the problem it becomes part of.
            raise ValueError(str(error).split(": ", 1)[1]) from error
    msg = "must be a text of a number and a unit (ms, s, min, h, d), for example '500ms' or '15min'"
    raise ValueError(msg)


def _path(value: object) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        msg = "must be a text that names a file or folder"
        raise ValueError(msg)
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        msg = "must not begin with '~': this user has no home folder"
        raise ValueError(msg) from error


def _written(pattern: str) -> WithJsonSchema:
    """What an editor knows of it."""
    return WithJsonSchema({"type": "string", "pattern": f"^ *[0-9]+(\\.[0-9]+)? *({pattern}) *$"})


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(duration_text), _written("ms|s|min|h|d")]
Size = Annotated[int, BeforeValidator(parse_size), PlainSerializer(size_text), _written("|".join(_SIZES))]
FilePath = Annotated[Path, BeforeValidator(_path), PlainSerializer(str), WithJsonSchema({"type": "string"})]
