"""What every section of gateway.toml is made of; a field's metadata is its documentation.

Every field says what it is (`description`), and what to write instead when it is wrong (`fix`). `sample.toml` is made
from these, so an option cannot be undocumented and a documented default cannot differ from the real one.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, StringConstraints

from edge_gateway.config.environment import EnvText

ms, s, minute, day = (
    timedelta(milliseconds=1),
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(days=1),
)
MIB, GIB, PIB = 2**20, 2**30, 2**50

# Names become parts of object keys, step keys and file names: no separators, no blanks.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
NAME_FIX = "Use letters, digits, '_', '.', '-', at most 63, starting with a letter or digit."


def _whole(value: object) -> object:
    if not isinstance(value, EnvText):
        return value
    if re.fullmatch(r"[+-]?\d{1,19}", value, re.ASCII) is None:
        msg = "must be a whole number"
        raise ValueError(msg)
    return int(value)


def _number(value: object) -> object:
    if not isinstance(value, EnvText):
        return value
    try:
        return float(value)
    except ValueError as error:
        msg = "must be a number"
        raise ValueError(msg) from error


def _no_flag(value: object) -> object:
    if isinstance(value, bool):  # which is 1 to Python
        msg = "must be a number"
        raise ValueError(msg)
    return value


def _flag(value: object) -> object:
    if not isinstance(value, EnvText):
        return value
    if value not in ("true", "false"):
        msg = "must be true or false"
        raise ValueError(msg)
    return value == "true"


# A number is a number: not true, not "5"; "${PORT}" is one, for the environment knows texts only.
Whole = Annotated[int, Strict(), BeforeValidator(_whole)]
Number = Annotated[float, Strict(), BeforeValidator(_number)]
Flag = Annotated[bool, Strict(), BeforeValidator(_flag)]
StopBits = Annotated[Literal[1, 2], BeforeValidator(_whole), BeforeValidator(_no_flag)]


def option(
    default: Any = ...,
    *,
    description: str,
    fix: str = "",
    example: Any = None,
    shown: bool = False,
    **rules: Any,
) -> Any:
    """A documented field.

    Args:
        default: `...` = required.
        description: One sentence with unit and range.
        fix: What to do when it is wrong; "" where the rule says it all.
        example: Written into sample.toml where there is no default.
        shown: The example stands there uncommented, although the option may be left out.
        rules: Pydantic constraints (ge, gt, le, min_length, ...).
    """
    extra = {"fix": fix, "example": example, "shown": shown}
    if default is ...:
        return Field(description=description, json_schema_extra=extra, **rules)
    return Field(default=default, description=description, json_schema_extra=extra, **rules)


class Section(BaseModel):
    """Frozen; a misspelt key is refused rather than ignored, and so are `inf` and `nan`, which TOML knows."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)
