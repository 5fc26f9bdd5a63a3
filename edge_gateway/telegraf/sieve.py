"""What the gateway would refuse of a link that was made is taken out and told: what is written is right. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from edge_gateway.config.environment import EnvText
from edge_gateway.config.toml_spots import Steps
from edge_gateway.telegraf.notes import Fate, Notes

_REFERENCE = re.compile(r"\$\{[^}]*\}")
_BY_INDEX = re.compile(r"^ns=\d+;")
_NEEDED = {
    "name",
    "endpoint",
    "host",
    "device",
    "transport",
    "tags",
    "units",
    "policy",
    "mode",
    "user",
    "password_file",
}


def sieved(section: type[BaseModel], table: dict[str, Any], steps: Steps, notes: Notes) -> dict[str, Any] | None:
    """The table without what its section refuses, None = nothing is left of it.

    Args:
        section: Of the table.
        table: As gateway.toml would have it; changed.
        steps: Of the input that it was made of.
        notes: What was taken out is added here.
    """
    while True:
        try:
            section.model_validate(_stand_in(table))
        except ValidationError as error:
            if not all(_without(table, found, steps, notes) for found in _last_first(error)):
                return None
        else:
            return table


def count_of(table: Mapping[str, Any] | None) -> int:
    """Tags of a link."""
    return sum(len(one["tags"]) for one in table.get("units", [table])) if table is not None else 0


def _stand_in(value: Any) -> Any:
    """What stands for a variable of the environment, or for an index that is not looked up yet, fits everywhere."""
    if isinstance(value, dict):
        return {key: _stand_in(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_stand_in(item) for item in value]
    if not isinstance(value, str):
        return value
    text = _BY_INDEX.sub("nsu=urn:x;", _REFERENCE.sub("1", value))
    return EnvText(text) if _REFERENCE.fullmatch(value) else text


def _last_first(error: ValidationError) -> list[tuple[tuple[str | int, ...], str]]:
    """One finding for each place, from the end of lists on, so that numbers stay right while items go."""
    found: dict[tuple[str | int, ...], str] = {}
    for one in error.errors(include_url=False, include_input=False):
        loc = one["loc"]
        depth = 4 if loc[:1] == ("units",) and "tags" in loc[2:3] else 2 if loc[:1] in (("units",), ("tags",)) else 1
        found.setdefault(loc[:depth], str(one["msg"]).removeprefix("Value error, "))
    return sorted(found.items(), key=lambda item: [(isinstance(step, int), step) for step in item[0]], reverse=True)


def _without(table: dict[str, Any], found: tuple[tuple[str | int, ...], str], steps: Steps, notes: Notes) -> bool:
    """Take out one option, tag or unit; False = the link is nothing without it."""
    loc, rule = found
    if not loc or (len(loc) == 1 and loc[0] in _NEEDED):
        notes.add(steps, Fate.LEFT, f"the gateway would refuse it: {'.'.join(map(str, loc))} {rule}".replace("  ", " "))
        return False
    holder: Any = table
    for step in loc[:-1]:
        holder = holder[step]
    gone = holder.pop(loc[-1])
    name = str(gone.get("tag", gone.get("unit_id", ""))) if isinstance(gone, dict) else str(loc[-1])
    notes.add(steps, Fate.LEFT, f"{name}: the gateway would refuse it: {rule}")
    return True
