"""Keys as people read them, with the names of what they stand in: `opcua[0] "plc".tags[2] "flow".node`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def key_text(loc: Iterable[str | int], data: Any) -> tuple[str, bool, Any]:
    """The path for people, whether something stands there, and what."""
    parts: list[str] = []
    present = True
    for step in loc:
        if isinstance(step, int) and parts:
            present = present and isinstance(data, list) and step < len(data)
            data = data[step] if present else None
            parts[-1] += f"[{step}]" + name_text(data)
            continue
        parts.append(str(step))
        present = present and isinstance(data, dict) and step in data
        data = data[step] if present else None
    return ".".join(parts), present, data


def name_text(table: Any) -> str:
    """What is added to the number of a table in a list: its name, where it has one."""
    name = (table.get("name") or table.get("tag") or table.get("glob")) if isinstance(table, Mapping) else None
    return f' "{name}"' if name else ""
