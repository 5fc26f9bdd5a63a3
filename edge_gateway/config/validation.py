"""What pydantic finds wrong, in the words of TOML and of the people who write it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from edge_gateway.config.config import Config
from edge_gateway.config.fields import (
    alternative,
    field_at,
    fix_of,
    kind_key,
    known_keys,
    section_of,
    sections_of,
    words_of,
)
from edge_gateway.config.key_text import key_text
from edge_gateway.config.problems import Place, Problem, did_you_mean
from edge_gateway.config.units import duration_text

_SHOWN = 60  # longer values are cut
_SECRET = re.compile("pass|secret|token|credential|key", re.IGNORECASE)


def from_validation(error: ValidationError, data: Mapping[str, Any], root: type[BaseModel] = Config) -> list[Problem]:
    """Pydantic's findings as problems.

    Args:
        error: What validation raised.
        data: The parsed TOML.
        root: What was validated.
    """
    return [_problem(found, data, root) for found in error.errors(include_url=False) if not _echo(found, data, root)]


def in_section(
    error: ValidationError, section: type[BaseModel], place: Place, data: Mapping[str, Any]
) -> list[Problem]:
    """Pydantic's findings on one section that stands elsewhere than in the configuration.

    Args:
        error: What validation raised.
        section: What was validated.
        place: Where it stands.
        data: What stands there.
    """
    found = []
    for one in error.errors(include_url=False):
        key = str(one["loc"][0])
        info = section.model_fields.get(key)
        value = data.get(key)
        text = duration_text(value) if isinstance(value, timedelta) else str(value)
        found.append(Problem(key, _text(text), _rule(one, info), fix_of(info), place))
    return found


def _echo(found: Mapping[str, Any], data: Mapping[str, Any], root: type[BaseModel]) -> bool:
    """A list that pydantic calls too short only because its items were refused, each told already."""
    return found["type"] == "too_short" and bool(key_text(_as_written(found["loc"], root), data)[2])


def _problem(found: Mapping[str, Any], data: Mapping[str, Any], root: type[BaseModel]) -> Problem:
    loc = _as_written(found["loc"], root)
    found = {**found, "loc": loc}
    kind = str(found["type"])
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return _no_such_kind(found, data, root)
    key, present, value = key_text(loc, data)
    model, info = field_at(found["loc"], root, data)
    fix = fix_of(info)
    if kind == "extra_forbidden":
        return _unknown(key, str(loc[-1]), value, list(known_keys(model)))
    if kind == "missing":
        return Problem(key, None, "is required", fix)
    if kind == "literal_error" and isinstance(value, str):
        fix = f"{did_you_mean(value, words_of(info))} {fix}".strip()
    if kind == "string_pattern_mismatch" and _SECRET.search(str(loc[-1])):
        value = None  # somebody may have written the secret itself
    return Problem(key, _text(value) if present else None, _rule(found, info), fix)


def _unknown(key: str, word: str, value: Any, known: Sequence[str]) -> Problem:
    if _SECRET.search(word):  # whoever writes `password = ...` did not mean it to stand in a log
        files = [name for name in known if name.endswith("_file") and _SECRET.search(name)]
        fix = f"Write it into a file of its own and name that: {', '.join(files)}." if files else "Remove it."
        return Problem(key, None, "unknown key; secrets never stand in this file", fix)
    hint = did_you_mean(word, known, else_=f"Known here: {', '.join(known)}.")
    return Problem(key, _text(value), "unknown key", hint)


def _as_written(loc: Sequence[str | int], root: type[BaseModel]) -> tuple[str | int, ...]:
    """Pydantic's path without the names it gives to the alternatives of a table, which stand nowhere in the file."""
    written: list[str | int] = []
    model: type[BaseModel] | None = root
    info: FieldInfo | None = None
    for step in loc:
        if info is not None and isinstance(step, str) and kind_key(info):
            model = alternative(info, step)
            info = None
            continue
        written.append(step)
        if isinstance(step, str):
            info = model.model_fields.get(step) if model else None
            model = section_of(info)
    return tuple(written)


def _no_such_kind(found: Mapping[str, Any], data: Mapping[str, Any], root: type[BaseModel]) -> Problem:
    """A table of which the file must say what kind it is, and does not, or says one that there is not."""
    _, info = field_at(found["loc"], root)
    assert info is not None
    kind = kind_key(info)
    key = f"{key_text(found['loc'], data)[0]}.{kind}"
    sections = sections_of(info)
    fix = fix_of(sections[0].model_fields[kind])
    if found["type"] == "union_tag_not_found":
        return Problem(key, None, "is required", fix)
    value = found["input"].get(kind)
    known = [word for section in sections for word in words_of(section.model_fields[kind])]
    fix = f"{did_you_mean(str(value), known)} {fix}".strip()
    return Problem(key, _text(value), f"must be one of {found['ctx']['expected_tags']}", fix)


def _rule(found: Mapping[str, Any], info: FieldInfo | None) -> str:
    """What must hold, in the words of TOML rather than of Python."""
    name = ".".join(step for step in found["loc"] if isinstance(step, str))
    bounds = {
        "greater_than_equal": ("at least", "ge"),
        "greater_than": ("above", "gt"),
        "less_than_equal": ("at most", "le"),
    }
    match str(found["type"]):
        case "value_error":
            return str(found["ctx"]["error"]).rstrip(".")
        case "model_type" if isinstance(found["loc"][-1], int):
            return f"must be a table, written under [[{name}]]"
        case "model_type" | "model_attributes_type":
            return f"must be a table, written under [{name}]"
        case "tuple_type" if section_of(info):
            return f"must be a list of tables, each written under [[{name}]]"
        case "tuple_type":
            return "must be a list in brackets"
        case "string_type":
            return "must be a text in quotes"
        case "string_pattern_mismatch":
            return "has not the right form"
        case kind if kind in bounds:
            word, sign = bounds[kind]
            bound = next(getattr(rule, sign) for rule in (info.metadata if info else ()) if hasattr(rule, sign))
            return f"must be {word} {duration_text(bound) if isinstance(bound, timedelta) else bound}"
        case _:
            rule = str(found["msg"]).replace("Input should be", "must be").replace("String should", "must")
            return rule[0].lower() + rule[1:]


def _text(value: Any) -> str | None:
    """A value about as it was written; None for tables, which are too long to repeat."""
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
        return None
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
