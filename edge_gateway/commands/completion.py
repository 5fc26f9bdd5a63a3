"""What the tab key offers beyond options: assets and models of the gateway.toml in the current folder.

A shell waits for it, so it only looks at the file as TOML and at names of folders. Where there is nothing, or nothing
that can be read, it offers nothing: a completion never complains.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge_gateway.config.environment import expanded

_CONFIG = Path("gateway.toml")


def assets(incomplete: str) -> list[str]:
    """Assets that begin so."""
    return sorted({asset for asset in _assets(_read()) if asset.startswith(incomplete)})


def models(incomplete: str) -> list[str]:
    """Models of the store that begin so, NAME and NAME@VERSION."""
    data = _read().get("gateway", {}).get("data")
    if not isinstance(data, str):
        return []
    found: set[str] = set()
    try:
        for folder in (Path(data) / "models").glob("*/*/manifest.json"):
            name, version = folder.parts[-3:-1]
            found |= {name, f"{name}@{version}"}
    except OSError:
        return []
    return sorted(name for name in found if name.startswith(incomplete))


def _read() -> Mapping[str, Any]:
    try:
        data, _ = expanded(tomllib.loads(_CONFIG.read_text(encoding="utf-8-sig")), os.environ)
    except (OSError, ValueError):
        return {}
    known: Mapping[str, Any] = data
    return known


def _assets(data: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("opcua", "modbus"):
        for link in _tables(data.get(kind)):
            for owner in (link, *_tables(link.get("units"))):
                named = [owner, *_tables(owner.get("tags")), *_tables(owner.get("globs"))]
                yield from (asset for one in named if isinstance(asset := one.get("asset"), str))


def _tables(value: Any) -> list[Mapping[str, Any]]:
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []
