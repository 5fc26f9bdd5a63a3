"""Problems of a configuration as people read them: key, value, rule, fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, Discriminator, ValidationError
from pydantic.fields import FieldInfo

from edge_gateway.config.config import Config
from edge_gateway.config.units import duration_text

_SHOWN = 60  # longer values are cut


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong.

    Attributes:
        key: Dotted path, list items by number and name: `opcua[0] "plc".tags[2] "flow".node`.
        value: What stands there, as it would be written, None where nothing stands there.
        rule: What must hold.
        fix: What to do.
    """

    key: str
    value: str | None
    rule: str
    fix: str

    def __str__(self) -> str:
        head = self.key if self.value is None else f"{self.key} = {self.value}"
        text = f"{head}: {self.rule}." + (f" {self.fix}" if self.fix else "")
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class ConfigRejected(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The configuration cannot be used; `problems` holds every reason, not only the first."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        super().__init__("\n".join([f"{path}: {count}", *(f"  {problem}" for problem in self.problems)]))


def from_validation(error: ValidationError, data: Mapping[str, Any], root: type[BaseModel] = Config) -> list[Problem]:
    """Pydantic's findings as problems.

    Args:
        error: What validation raised.
        data: The parsed TOML.
        root: What was validated.
    """
    return [_problem(found, data, root) for found in error.errors(include_url=False) if not _echo(found, data, root)]


def in_section(error: ValidationError, section: type[BaseModel], where: str, data: Mapping[str, Any]) -> list[Problem]:
    """Pydantic's findings on one section that stands elsewhere than in the configuration.

    Args:
        error: What validation raised.
        section: What was validated.
        where: Its place, for people; the key is added.
        data: What stands there.
    """
    found = []
    for one in error.errors(include_url=False):
        key = str(one["loc"][0])
        info = section.model_fields.get(key)
        value = data.get(key)
        text = duration_text(value) if isinstance(value, timedelta) else str(value)
        found.append(Problem(f"{where} {key}", _text(text), _rule(one, info), _fix(info)))
    return found


def _echo(found: Mapping[str, Any], data: Mapping[str, Any], root: type[BaseModel]) -> bool:
    """A list that pydantic calls too short only because its items were refused, each told already."""
    return found["type"] == "too_short" and bool(_locate(_as_written(found["loc"], root), data)[2])


def _problem(found: Mapping[str, Any], data: Mapping[str, Any], root: type[BaseModel]) -> Problem:
    loc = _as_written(found["loc"], root)
    found = {**found, "loc": loc}
    kind = str(found["type"])
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return _no_such_kind(found, root)
    key, present, value = _locate(loc, data)
    model, info = _field(found["loc"], root, data)
    fix = _fix(info)
    if kind == "extra_forbidden":
        known = list(_known(model))
        near = difflib.get_close_matches(str(loc[-1]), known, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(known)}."
        return Problem(key, _text(value), "unknown key", hint)
    if kind == "missing":
        return Problem(key, None, "is required", fix)
    return Problem(key, _text(value) if present else None, _rule(found, info), fix)


def _as_written(loc: Sequence[str | int], root: type[BaseModel]) -> tuple[str | int, ...]:
    """Pydantic's path without the names it gives to the alternatives of a table, which stand nowhere in the file."""
    written: list[str | int] = []
    model: type[BaseModel] | None = root
    info: FieldInfo | None = None
    for step in loc:
        if info is not None and isinstance(step, str) and kind_key(info):
            model = _alternative(info, step)
            info = None
            continue
        written.append(step)
        if isinstance(step, str):
            info = model.model_fields.get(step) if model else None
            model = section_of(info)
    return tuple(written)


def _no_such_kind(found: Mapping[str, Any], root: type[BaseModel]) -> Problem:
    """A table of which the file must say what kind it is, and does not, or says one that there is not."""
    _, info = _field(found["loc"], root)
    assert info is not None
    kind = kind_key(info)
    key = f"{_locate(found['loc'], {})[0]}.{kind}"
    sections = sections_of(info)
    fix = _fix(sections[0].model_fields[kind])
    if found["type"] == "union_tag_not_found":
        return Problem(key, None, "is required", fix)
    value = found["input"].get(kind)
    return Problem(key, _text(value), f"must be one of {found['ctx']['expected_tags']}", fix)


def _alternative(info: FieldInfo, tag: object) -> type[BaseModel] | None:
    key = kind_key(info)
    return next((s for s in sections_of(info) if tag in get_args(s.model_fields[key].annotation)), None)


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


def _locate(loc: Iterable[str | int], data: Any) -> tuple[str, bool, Any]:
    """The path for people, whether something stands there, and what."""
    parts: list[str] = []
    present = True
    for step in loc:
        if isinstance(step, int) and parts:
            present = present and isinstance(data, list) and step < len(data)
            data = data[step] if present else None
            name = (data.get("name") or data.get("tag") or data.get("glob")) if isinstance(data, dict) else None
            parts[-1] += f"[{step}]" + (f' "{name}"' if name else "")
            continue
        parts.append(str(step))
        present = present and isinstance(data, dict) and step in data
        data = data[step] if present else None
    return ".".join(parts), present, data


def _field(
    loc: Sequence[str | int], root: type[BaseModel], data: Any = None
) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The section that holds the key, and the key's field where it is known."""
    model: type[BaseModel] | None = root
    info: FieldInfo | None = None
    last = max((at for at, step in enumerate(loc) if isinstance(step, str)), default=-1)
    for at, step in enumerate(loc[: last + 1]):
        if isinstance(step, int):
            data = data[step] if isinstance(data, list) and step < len(data) else None
        else:
            info = _known(model).get(step)
            data = data.get(step) if isinstance(data, dict) else None
        if at < last:
            model = section_of(info)
            if info is not None and kind_key(info) and isinstance(data, dict):
                model = _alternative(info, data.get(kind_key(info)))
    return model, info


def _known(model: type[BaseModel] | None) -> dict[str, FieldInfo]:
    """Fields by the keys they are written under: some of those are words of Python's own."""
    fields = model.model_fields if model else {}
    return {info.alias or name: info for name, info in fields.items()}


def section_of(info: FieldInfo | None) -> type[BaseModel] | None:
    """The section class behind a field, also inside a tuple; of alternatives the first."""
    return next(iter(sections_of(info)), None)


def sections_of(info: FieldInfo | None) -> list[type[BaseModel]]:
    """The section classes behind a field: several where the file says by a key which one it means."""
    found = _parts(info.annotation) if info else []
    return [c for c in found if isinstance(c, type) and issubclass(c, BaseModel)]


def kind_key(info: FieldInfo) -> str:
    """The key by which the file says which of several sections it means; "" = there is but one."""
    parts = _parts(info.annotation)
    keys = [info.discriminator, *(part.discriminator for part in parts if isinstance(part, Discriminator))]
    return next((key for key in keys if isinstance(key, str)), "")


def _parts(annotation: Any) -> list[Any]:
    """An annotation and all it is made of: the items of a tuple, the alternatives, what is said of them."""
    parts = [annotation]
    for part in get_args(annotation):
        parts += _parts(part)
    return parts


def _fix(info: FieldInfo | None) -> str:
    extra = info.json_schema_extra if info else None
    return str(extra.get("fix", "")) if isinstance(extra, dict) else ""


def _text(value: Any) -> str | None:
    """A value about as it was written; None for tables, which are too long to repeat."""
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
        return None
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
