"""What the fields of a rule must be. Each raises ValueError that names field, value, rule and fix."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from flows.durations import duration

_NONE = timedelta(0)


def take_name(rule: Any, kind: str) -> None:
    """A rule without a name gets one from its tag and kind; its tag has one."""
    if not rule.tag:
        msg = "tag = '': a rule watches a tag; name one"
        raise ValueError(msg)
    if not rule.name:
        object.__setattr__(rule, "name", f"{rule.tag}.{kind}")


def finite(rule: Any, field: str) -> None:
    """A number that is one."""
    if not math.isfinite(getattr(rule, field)):
        msg = f"{field} = {getattr(rule, field)}: must be a finite number; leave the rule out instead"
        raise ValueError(msg)


def at_least_nothing(rule: Any, field: str) -> None:
    """A finite number, 0 or more."""
    value = getattr(rule, field)
    if not 0 <= value < math.inf:
        msg = f"{field} = {value}: must be a finite number, at least 0; 0 = none"
        raise ValueError(msg)


def above_nothing(rule: Any, field: str) -> None:
    """A finite number above 0."""
    value = getattr(rule, field)
    if not 0 < value < math.inf:
        msg = f"{field} = {value}: must be a finite number above 0, in the unit of the tag"
        raise ValueError(msg)


def longer_than_nothing(rule: Any, field: str) -> None:
    """A duration above 0; texts become timedeltas."""
    value = duration(getattr(rule, field), field)
    if value <= _NONE:
        msg = f'{field} = {value}: must be longer than nothing, such as "10s"'
        raise ValueError(msg)
    object.__setattr__(rule, field, value)
