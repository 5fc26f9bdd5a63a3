"""Register maps that a configuration names, put in the place where their tags would stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connectors.modbus.map_errors import RegisterMapRejected
from connectors.modbus.register_map import MapEntry, load
from edge_gateway.config.problems import Problem


def include_maps(data: dict[str, Any], base: Path) -> list[Problem]:
    """Add the tags of every map to those of its unit, in the raw data.

    Args:
        data: The parsed TOML; changed.
        base: Folder that relative paths are taken against.

    Returns:
        What is wrong with the maps, each problem once however many units share the map.
    """
    problems: dict[str, Problem] = {}
    read: dict[Path, tuple[MapEntry, ...]] = {}
    for where, unit in _units(data):
        named, asset = unit.get("map"), unit.get("asset")
        if not isinstance(named, str) or not isinstance(asset, str):
            continue  # the section says what is missing
        path = base / Path(named).expanduser()
        try:
            entries = read[path] if path in read else read.setdefault(path, load(path))
        except OSError as error:
            key = f"{where}.map"
            problems[key] = Problem(key, f'"{named}"', f"cannot be read: {error.strerror}", "Name a map that is there.")
        except RegisterMapRejected as rejected:
            for found in rejected.problems:
                place = f"{found.file}:{found.line}" if found.line else found.file
                key = f"{place} {found.key}".strip()
                problems[f"{found}"] = Problem(key, found.value, found.rule, found.fix.rstrip("."))
        else:
            own = unit.get("tags", [])
            unit["tags"] = [*(own if isinstance(own, list) else []), *(_tag(asset, entry) for entry in entries)]
            continue
        unit.setdefault("tags", [{"asset": asset, "tag": "map", "address": "coil:0"}])  # one problem, not two
    return list(problems.values())


def _units(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(_tables(data.get("modbus"))):
        for place, unit in enumerate(_tables(line.get("units"))):
            yield f"modbus[{number}].units[{place}]", unit


def _tables(value: Any) -> list[dict[str, Any]]:
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []


def _tag(asset: str, entry: MapEntry) -> dict[str, Any]:
    tag: dict[str, Any] = {"asset": asset, "tag": entry.tag, "address": entry.address, "unit": entry.unit}
    return tag if entry.poll_interval is None else {**tag, "poll_interval": entry.poll_interval}
