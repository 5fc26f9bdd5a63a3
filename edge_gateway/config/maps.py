"""Register maps that a configuration names, put in the place where their tags would stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from connectors.modbus.map_errors import MapProblem, RegisterMapRejected
from connectors.modbus.register_map import MapEntry, load
from edge_gateway.config.modbus_unit import ModbusTagSection
from edge_gateway.config.problems import Place, Problem
from edge_gateway.config.section import Name
from edge_gateway.config.units import FilePath
from edge_gateway.config.validation import in_section

_PATH: TypeAdapter[Path] = TypeAdapter(FilePath)
_NAME: TypeAdapter[str] = TypeAdapter(Name)


class MapTag(dict[str, Any]):
    """The table of a tag that stands in a map."""

    def __init__(self, table: dict[str, Any], place: Place) -> None:
        super().__init__(table)
        self.place = place


def include_maps(data: dict[str, Any], base: Path) -> list[Problem]:
    """Add the tags of every map to those of its unit, in the raw data.

    Args:
        data: The parsed TOML; changed.
        base: Folder that relative paths are taken against.

    Returns:
        What is wrong with the maps, each problem once however many units share the map.
    """
    problems: list[Problem] = []
    maps: dict[Path, tuple[MapEntry, ...]] = {}  # empty where there are problems
    for where, unit in _units(data):
        named, asset = unit.get("map"), unit.get("asset")
        if named is None or asset is None:
            continue  # the section says what is missing
        entries: tuple[MapEntry, ...] = ()
        if _fits(_PATH, named):
            path = base / Path(named).expanduser()
            if path not in maps:
                maps[path], found = _read(path, f"{where}.map", named)
                problems += found
            entries = maps[path]
        if entries and _fits(_NAME, asset):
            own = unit.get("tags", [])
            unit["tags"] = [
                *(own if isinstance(own, list) else []),
                *(MapTag(_tag(asset, entry), Place(str(path), entry.line)) for entry in entries),
            ]
        elif not unit.get("tags"):  # or the section would find nothing to read there, besides
            known = asset if _fits(_NAME, asset) else "unknown"
            unit["tags"] = [{"asset": known, "tag": f"map-{id(unit)}", "address": "coil:0"}]
    return problems


def _read(path: Path, key: str, named: str) -> tuple[tuple[MapEntry, ...], list[Problem]]:
    """What a map holds, or all that is wrong with it. The file is told where the problem lies in it."""
    try:
        entries = load(path)
    except OSError as error:
        return (), [Problem(key, f'"{named}"', f"cannot be read: {error.strerror}", "Name a map that is there.")]
    except RegisterMapRejected as rejected:
        return (), [_problem(found) for found in rejected.problems]
    problems: list[Problem] = []
    for entry in entries:  # a map may hold what this gateway's names and intervals do not
        tag = _tag("any", entry)
        try:
            ModbusTagSection.model_validate(tag)
        except ValidationError as error:
            problems += in_section(error, ModbusTagSection, Place(str(path), entry.line), tag)
    return (() if problems else entries), problems


def _problem(found: MapProblem) -> Problem:
    """In the words of the configuration; the key is the column."""
    key = found.key or ("address" if found.line else "map")
    return Problem(key, found.value or None, found.rule, found.fix, Place(found.file, found.line))


def _fits(form: TypeAdapter[Any], value: object) -> bool:
    """Whether a section would take this value; where it would not, the section says so."""
    try:
        form.validate_python(value)
    except ValidationError:
        return False
    return True


def _units(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(_tables(data.get("modbus"))):
        for place, unit in enumerate(_tables(line.get("units"))):
            yield f"modbus[{number}].units[{place}]", unit


def _tables(value: Any) -> list[dict[str, Any]]:
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []


def _tag(asset: str, entry: MapEntry) -> dict[str, Any]:
    tag: dict[str, Any] = {"asset": asset, "tag": entry.tag, "address": entry.address, "unit": entry.unit}
    return tag if entry.poll_interval is None else {**tag, "poll_interval": entry.poll_interval}
