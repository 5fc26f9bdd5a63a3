"""Patterns for places in a server's tree. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import translate

_Step = re.Pattern[str] | None  # None = `**`


def matcher(pattern: str) -> Callable[[Sequence[str]], bool]:
    """A test of browse names from below the start down to a node.

    Args:
        pattern: Without a slash, of the last name alone: `flow*`. With one, of the whole path: `Plant/*/flow`, where
            `*` stands for one level and `**` for any number of them. `?` and `[ab]` as in a shell; case matters.
    """
    steps: list[_Step] = [None if part == "**" else re.compile(translate(part)) for part in _parts(pattern)]
    return lambda path: _fits(steps, path)


def levels(pattern: str) -> int | None:
    """How far below the start its matches are; None = at any level."""
    parts = _parts(pattern)
    return None if "**" in parts else len(parts)


def _parts(pattern: str) -> list[str]:
    return pattern.strip("/").split("/") if "/" in pattern else ["**", pattern]


def _fits(steps: Sequence[_Step], path: Sequence[str]) -> bool:
    if not steps:
        return not path
    step, rest = steps[0], steps[1:]
    if step is None:
        return any(_fits(rest, path[skipped:]) for skipped in range(len(path) + 1))
    return bool(path) and step.match(path[0]) is not None and _fits(rest, path[1:])
