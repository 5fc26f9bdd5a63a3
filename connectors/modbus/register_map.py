"""Register maps: what a type of device has in its registers, written once and used by every unit of that type.

As CSV, a line for each tag, or as TOML, a table for each:

    tag,address,unit,description,poll_interval          [[tags]]
    flow,holding:100:float32:CDAB,m3/h,,                tag = "flow"
    energy,holding:102:uint32*0.1,kWh,total,60s         address = "holding:100:float32:CDAB"

Beside `address`, every key of the table form (`address_table.py`) is a column too; in CSV `invalid` is a list with
semicolons (`0x8000;0x7FFF`) and `texts` one of pairs (`RUN=1;STOP=0`). Empty cells count as left out.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from connectors.errors import AddressError
from connectors.modbus.address import Address
from connectors.modbus.address_table import KEYS, parse_table
from connectors.modbus.map_errors import MapProblem, RegisterMapRejected

COLUMNS = ("tag", "unit", "description", "poll_interval", *KEYS)
_SHOWN = 40  # characters of a value in a message
_NUMBER_COLUMNS = ("scale", "offset", "valid_min", "valid_max")
_WHOLE_COLUMNS = ("bit", "length")
_DURATION = re.compile(r"(\d+(?:\.\d+)?) *(ms|s|min|h)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class MapEntry:
    """One tag of the map.

    Attributes:
        tag: Its name, unique in the map.
        address: Where it lives.
        unit: Engineering unit, "" where none is told.
        description: For people.
        poll_interval: None = as the unit that uses the map.
        line: Where it stands in the map, 0 where that is not known.
    """

    tag: str
    address: Address
    unit: str = ""
    description: str = ""
    poll_interval: timedelta | None = None
    line: int = field(default=0, compare=False)


def load(path: Path) -> tuple[MapEntry, ...]:
    """Read a map. Its name tells its form: `.csv` or `.toml`.

    Raises:
        RegisterMapRejected: With every problem, the file's name and the line of each.
        OSError: The file cannot be read.
    """
    forms: dict[str, Callable[[str, str], tuple[MapEntry, ...]]] = {".csv": parse_csv, ".toml": parse_toml}
    form = forms.get(path.suffix.lower())
    if form is None:
        raise _rejected(str(path), 0, "", str(path.suffix), "is no form of a register map", "Name it .csv or .toml.")
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets begin with a BOM
    except UnicodeDecodeError as error:
        raise _rejected(str(path), 0, "", None, f"is not UTF-8 ({error.reason})", "Save it as UTF-8.") from error
    return form(text, str(path))


def parse_csv(text: str, name: str) -> tuple[MapEntry, ...]:
    """Read a map from CSV with a head line; commas, or semicolons as spreadsheets write them in many countries.

    Args:
        text: The content. Lines that begin with # are skipped.
        name: Of the file, for messages.

    Raises:
        RegisterMapRejected: With every problem.
    """
    numbered = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip() and line.strip()[0] != "#"]
    if not numbered:
        raise _rejected(name, 1, "", None, "is empty", "Begin with a head line: tag,address,unit,description.")
    delimiter = ";" if numbered[0][1].count(";") > numbered[0][1].count(",") else ","
    rows = list(csv.reader(io.StringIO("\n".join(line for _, line in numbered)), delimiter=delimiter))
    head = [cell.strip().lower() for cell in rows[0]]
    problems = list(_head_problems(name, numbered[0][0], head))
    if problems:
        raise RegisterMapRejected(problems)
    tables = []
    for (line, _), row in zip(numbered[1:], rows[1:], strict=False):
        cells = [cell.strip() for cell in row]
        if len(cells) > len(head):
            fix = "Put a cell that holds the separator in double quotes."
            problems.append(MapProblem(name, line, "", cells[len(head)], f"has more than {len(head)} cells", fix))
            continue
        tables.append((line, {key: cell for key, cell in zip(head, cells, strict=False) if cell}))
    return _entries(name, tables, problems, from_text=True)


def parse_toml(text: str, name: str) -> tuple[MapEntry, ...]:
    """Read a map from TOML: `[[tags]]` tables.

    Args:
        text: The content.
        name: Of the file, for messages.

    Raises:
        RegisterMapRejected: With every problem.
    """
    try:
        data = tomllib.loads(text)
    except RecursionError as error:
        raise _rejected(name, 0, "", None, "is nested too deeply", "Write each tag under [[tags]].") from error
    except tomllib.TOMLDecodeError as error:
        raise _rejected(name, 0, "", None, f"is not TOML: {error}", "Correct the TOML there.") from error
    tables = data.get("tags")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise _rejected(name, 0, "tags", None, "must be tables", "Write each tag under [[tags]].")
    others = [MapProblem(name, 0, key, None, "unknown key", "Known here: tags.") for key in data if key != "tags"]
    heads = [i for i, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*tags\s*\]\]", line)]
    lines = heads if len(heads) == len(tables) else [0] * len(tables)  # inline tables have no head lines
    return _entries(name, list(zip(lines, tables, strict=True)), others, from_text=False)


def _head_problems(name: str, line: int, head: Sequence[str]) -> Iterator[MapProblem]:
    for key in head:
        if key not in COLUMNS:
            yield MapProblem(name, line, key, None, "unknown column", _known(key))
        elif head.count(key) > 1:
            yield MapProblem(name, line, key, None, "stands more than once", "Keep one of the columns.")
    for key in ("tag", "address"):
        if key not in head:
            yield MapProblem(name, line, key, None, "is required", "Add the column.")


def _entries(
    name: str, tables: Sequence[tuple[int, Mapping[str, Any]]], problems: list[MapProblem], *, from_text: bool
) -> tuple[MapEntry, ...]:
    """All tags, or all problems."""
    entries: list[MapEntry] = []
    first_lines: dict[str, int] = {}
    for line, table in tables:
        found, entry = _entry(name, line, table, from_text=from_text)
        problems += found
        tag = str(table.get("tag", ""))
        if tag and tag in first_lines:
            rule = f"stands more than once, first in line {first_lines[tag]}"
            problems.append(MapProblem(name, line, "tag", tag, rule, "Rename or remove all but one."))
        first_lines.setdefault(tag, line)
        if entry is not None:
            entries.append(entry)
    if not tables and not problems:
        problems.append(MapProblem(name, 0, "", None, "has no tags", "Add one."))
    if problems:
        raise RegisterMapRejected(problems)
    return tuple(entries)


def _entry(
    name: str, line: int, table: Mapping[str, Any], *, from_text: bool
) -> tuple[list[MapProblem], MapEntry | None]:
    problems: list[MapProblem] = []

    def wrong(key: str, rule: str, fix: str) -> None:
        value = table.get(key)
        problems.append(MapProblem(name, line, key, None if value is None else str(value)[:_SHOWN], rule, fix))

    for key in table:
        if key not in COLUMNS:
            wrong(key, "unknown key", _known(key))
    for key in ("tag", "unit", "description"):
        if not isinstance(table.get(key, ""), str):
            wrong(key, "must be a text", "Put it in quotes.")
    if not table.get("tag"):
        wrong("tag", "is required", "Give the tag a name.")
    interval = None
    if (given := table.get("poll_interval")) is not None:
        match = _DURATION.fullmatch(given) if isinstance(given, str) else None
        interval = timedelta(seconds=float(match[1]) * _SECONDS[match[2]]) if match else None
        if not interval:
            wrong("poll_interval", "must be a time above 0", "For example 250ms, 10s, 15min.")
    place: dict[str, Any] = {key: value for key, value in table.items() if key in KEYS}
    for key, value in place.items() if from_text else ():
        try:
            place[key] = _cell(key, value)
        except ValueError:
            wrong(key, "cannot be read", _CELL_FIXES.get(key, "Give a number."))
    if not problems:
        try:
            address = parse_table(place)
        except AddressError as error:
            return [MapProblem(name, line, "", error.value, error.rule, error.fix)], None
        return [], MapEntry(table["tag"], address, table.get("unit", ""), table.get("description", ""), interval, line)
    return problems, None


_CELL_FIXES = {
    "texts": "Write pairs with semicolons: RUN=1;STOP=0.",
    "invalid": "Write numbers with semicolons: 0x8000;0x7FFF.",
    "counter": "yes, no, or the largest step in raw counts.",
}


def _cell(key: str, text: str) -> Any:
    """A cell as TOML would have given it. Raises ValueError."""
    if key in _NUMBER_COLUMNS:
        return float(text)
    if key in _WHOLE_COLUMNS:
        return int(text)
    if key == "invalid":
        return [_raw(part) for part in text.split(";")]
    if key == "texts":
        pairs = [part.rsplit("=", 1) for part in text.split(";")]
        return {pair[0].strip(): float(pair[1]) if len(pair) == 2 else float("") for pair in pairs}
    if key == "counter":
        words = {"yes": True, "true": True, "no": False, "false": False}
        return words[text.lower()] if text.lower() in words else int(text)
    return text


def _raw(text: str) -> float:
    """A raw number, exact where it is whole."""
    try:
        return int(text, 0)
    except ValueError:
        return float(text)


def _known(key: str) -> str:
    near = difflib.get_close_matches(key, COLUMNS, 1)
    return f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(COLUMNS)}."


def _rejected(name: str, line: int, key: str, value: str | None, rule: str, fix: str) -> RegisterMapRejected:
    return RegisterMapRejected([MapProblem(name, line, key, value, rule, fix)])
