"""Problems of a configuration as people read them: key, value, rule, fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from edge_gateway.config.config import Config

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
        return f"{head}: {self.rule}." + (f" {self.fix}" if self.fix else "")


class ConfigRejected(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The configuration cannot be used; `problems` holds every reason, not only the first."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        super().__init__("\n".join([f"{path}: {count}", *(f"  {problem}" for problem in self.problems)]))


def from_validation(error: ValidationError, data: Mapping[str, Any]) -> list[Problem]:
    """Pydantic's findings as problems.

    Args:
        error: What validation raised.
        data: The parsed TOML.
    """
    return [_problem(found, data) for found in error.errors(include_url=False) if not _echo(found, data)]


def _echo(found: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """A list that pydantic calls too short only because its items were refused, each told already."""
    return found["type"] == "too_short" and bool(_locate(found["loc"], data)[2])


def _problem(found: Mapping[str, Any], data: Mapping[str, Any]) -> Problem:
    loc: tuple[str | int, ...] = found["loc"]
    kind = str(found["type"])
    key, present, value = _locate(loc, data)
    model, info = _field(loc)
    fix = _fix(info)
    if kind == "extra_forbidden":
        known = list(model.model_fields) if model else []
        near = difflib.get_close_matches(str(loc[-1]), known, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(known)}."
        return Problem(key, _text(value), "unknown key", hint)
    if kind == "missing":
        return Problem(key, None, "is required", fix)
    if kind == "value_error":
        return Problem(key, _text(value) if _scalar(value) else None, str(found["ctx"]["error"]).rstrip("."), fix)
    rule = str(found["msg"]).replace("Input should be", "must be").replace("String should", "must")
    if kind == "string_pattern_mismatch":
        rule = "has not the right form"
    return Problem(key, _text(value) if present and _scalar(value) else None, rule[0].lower() + rule[1:], fix)


def _locate(loc: Iterable[str | int], data: Any) -> tuple[str, bool, Any]:
    """The path for people, whether something stands there, and what."""
    parts: list[str] = []
    present = True
    for step in loc:
        if isinstance(step, int) and parts:
            present = present and isinstance(data, list) and step < len(data)
            data = data[step] if present else None
            name = (data.get("name") or data.get("tag")) if isinstance(data, dict) else None
            parts[-1] += f"[{step}]" + (f' "{name}"' if name else "")
            continue
        parts.append(str(step))
        present = present and isinstance(data, dict) and step in data
        data = data[step] if present else None
    return ".".join(parts), present, data


def _field(loc: Sequence[str | int]) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The section that holds the key, and the key's field where it is known."""
    model: type[BaseModel] | None = Config
    info: FieldInfo | None = None
    names = [step for step in loc if isinstance(step, str)]
    for depth, name in enumerate(names):
        info = model.model_fields.get(name) if model else None
        if depth < len(names) - 1:
            model = section_of(info)
    return model, info


def section_of(info: FieldInfo | None) -> type[BaseModel] | None:
    """The section class behind a field, also inside a tuple."""
    candidates = [info.annotation, *get_args(info.annotation)] if info else []
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _fix(info: FieldInfo | None) -> str:
    extra = info.json_schema_extra if info else None
    return str(extra.get("fix", "")) if isinstance(extra, dict) else ""


def _scalar(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _text(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
