"""Writes `sample.toml`: every option with its meaning, unit, range and default, made from the sections themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from edge_gateway.config.config import Config
from edge_gateway.config.fields import section_of, sections_of
from edge_gateway.config.units import duration_text, size_text

_HEAD = """\
#:schema ./gateway.schema.json
# The line above is for editors with TOML support (Even Better TOML, Taplo); `sluicegate schema > gateway.schema.json`
# writes the file it names.
#
# Sluicegate: every option there is. Required ones are written out; a commented one shows its default,
# or an example where there is none ("example"). Durations: 250ms, 10s, 15min, 1h, 7d. Sizes: 64 KiB, 512 MiB, 2 GiB.
# ${NAME} and ${NAME:-default} stand for values of the environment; see edge_gateway/config/README.md.
# Check your own file with: sluicegate check gateway.toml
"""


def sample() -> str:
    """The text of sample.toml."""
    return _HEAD + "".join(_table(name, info, "") for name, info in Config.model_fields.items())


def _table(name: str, info: FieldInfo, prefix: str) -> str:
    first, *others = sections_of(info)
    text = _of_section(name, info, first, prefix)
    return text + "".join(_indented(_of_section(name, info, other, prefix)) for other in others)


def _of_section(name: str, info: FieldInfo, section: type[BaseModel], prefix: str) -> str:
    path = f"{prefix}{name}"
    many = _is_list(info)
    alternative = section is not section_of(info)
    told = f"Or: {section.__doc__}" if alternative else info.description
    lines = ["", f"# {told}", f"[[{path}]]" if many else f"[{path}]"]
    nested = []
    for field, sub in section.model_fields.items():
        if _is_list(sub) and section_of(sub):
            nested.append((field, sub))
            continue
        lines += _option(sub.alias or field, sub)
    text = "\n".join(lines) + "\n"
    for field, sub in nested:
        table = _table(field, sub, f"{path}.")
        text += table if _is_shown(sub) else _indented(table)
    return text


def _indented(table: str) -> str:
    """A table that may be left out: all of it a comment, set off from the defaults, which are comments too."""
    return "".join(f"#   {line}\n" if line else "\n" for line in table.splitlines())


def _option(name: str, info: FieldInfo) -> Iterator[str]:
    extra: Any = info.json_schema_extra
    yield f"# {info.description}"
    if info.default is PydanticUndefined or extra["shown"]:
        yield f"{name} = {_toml(extra['example'])}"
    elif info.default is None or info.default == "":
        example = extra["example"] if extra["example"] is not None else ""
        yield f"# {name} = {_toml(example)}" + ("  # example" if example != "" else "")
    else:
        yield f"# {name} = {_toml(info.default, size='quota' in name or 'reserve' in name)}"


def _is_shown(info: FieldInfo) -> bool:
    extra: Any = info.json_schema_extra
    return info.default is PydanticUndefined or bool(extra["shown"])


def _is_list(info: FieldInfo) -> bool:
    return str(info.annotation).startswith("tuple[")


def _toml(value: Any, *, size: bool = False) -> str:
    if size:
        return f'"{size_text(value)}"'
    if isinstance(value, timedelta):
        return f'"{duration_text(value)}"' if value else '"0ms"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str | Path):
        return f'"{value}"'
    assert not isinstance(value, BaseModel)
    return str(value)


if __name__ == "__main__":
    (Path(__file__).parents[1] / "sample.toml").write_text(sample(), encoding="utf-8")
