"""A configuration as it was written: gives every problem the line that it speaks of, and hides what was not written.

Problems carry keys, not positions: whoever finds one need not know of files. A file is looked at again only when it was
refused, so a gateway that starts pays nothing for it.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_gateway.config.environment import expanded, is_reference, values_of
from edge_gateway.config.key_text import key_text
from edge_gateway.config.problems import ConfigRejected, Place, Problem
from edge_gateway.config.toml_spots import Spot, Steps, spots

_FIRST_WORD = re.compile(r"(\w+)(?: =|:)")  # "every = ...: must": a rule of a whole table that names the key at fault
_AT = re.compile(r" ?\(at line (\d+), column (\d+)\)$")
_NAMED = re.compile(r'(\[\d+\]) "[^"]*"')  # some tell another name than the one that `key_text` takes
_LEAST_HIDDEN = 4  # characters; shorter values of variables are no secrets, and would be found in any sentence


def rejected(path: Path, problems: Iterable[Problem], environ: Mapping[str, str] | None = None) -> ConfigRejected:
    """The refusal of a configuration, with the lines of its problems.

    Args:
        path: Of the configuration.
        problems: Those with a place keep it. They are told in the order of lines.
        environ: As it was read with; None = of this process.
    """
    environ = os.environ if environ is None else environ
    try:
        text = path.read_text(encoding="utf-8-sig")
        written = Written(str(path), text, environ)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return ConfigRejected(path, list(problems))
    return ConfigRejected(path, sorted(map(written.placed, problems), key=lambda one: _place_in(str(path), one)))


def _place_in(file: str, problem: Problem) -> tuple[bool, bool, str, int]:
    """The order of reading: the configuration from its first line, other files, what stands nowhere."""
    place = problem.place
    return (True, True, "", 0) if place is None else (False, place.file != file, place.file, place.line)


def no_toml(path: Path, error: ValueError, fix: str = "") -> ConfigRejected:
    """The refusal of a file that is no TOML, with the line and a mark below what was not understood.

    Args:
        path: Of the file.
        error: Of `tomllib`, or a `UnicodeDecodeError`.
        fix: What else than the obvious can be done.
    """
    if isinstance(error, UnicodeDecodeError):
        return ConfigRejected(path, [Problem("file", None, f"is not UTF-8: {error.reason}", "Save it as UTF-8.")])
    match = _AT.search(str(error))
    rule = f"is not TOML: {_AT.sub('', str(error))}"
    fix = f"{_fix_of(str(error))} {fix}".strip()
    if match is None:
        return ConfigRejected(path, [Problem("file", None, rule, fix)])
    line, column = int(match[1]), int(match[2])
    lines = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n").split("\n")
    shown = (lines[line - 1].replace("\t", " "), f"{' ' * (column - 1)}^") if line <= len(lines) else ()
    return ConfigRejected(path, [Problem("file", None, rule, fix, Place(str(path), line, column), shown)])


def _fix_of(message: str) -> str:
    for words, fix in (
        ("Invalid value", "Put texts, durations and sizes in quotes."),
        ("overwrite", "Write each key and each [table] once; of lists of tables, each under [[name]]."),
        ("twice", "Write each [table] once; of lists of tables, each under [[name]]."),
    ):
        if words in message:
            return fix
    return "Correct the TOML there."


class Written:
    """The text of a configuration, and where each key of it stands."""

    def __init__(self, file: str, text: str, environ: Mapping[str, str]) -> None:
        """Read it.

        Raises:
            TOMLDecodeError, RecursionError: It is no TOML.
        """
        self._file = file
        self._raw = tomllib.loads(text)
        data, _ = expanded(self._raw, environ)
        self._hidden = {
            value: f"${{{name}}}" for name, value in values_of(self._raw, environ) if len(value) >= _LEAST_HIDDEN
        }
        self._keys: dict[str, tuple[Steps, Spot]] = {}
        for steps, spot in spots(text).items():
            self._keys.setdefault(key_text(steps, data)[0], (steps, spot))
            self._keys.setdefault(key_text(steps, None)[0], (steps, spot))  # as some tell it, without names

    def placed(self, problem: Problem) -> Problem:
        """The same problem with its place, and without what variables of the environment hold."""
        if problem.place is not None:
            return problem
        key = problem.at or problem.key
        if (match := _FIRST_WORD.match(problem.rule)) and f"{key}.{match[1]}" in self._keys:
            key = f"{key}.{match[1]}"
        place, steps = self.place(key)
        raw = self._at(steps) if steps is not None else None
        value = problem.value
        if value is not None and isinstance(raw, str | list) and is_reference(raw):
            value = f'"{raw}"' if isinstance(raw, str) else str(raw)
        return replace(problem, place=place, value=value, rule=self._hide(problem.rule), fix=self._hide(problem.fix))

    def place(self, key: str) -> tuple[Place | None, Steps | None]:
        """Of a key; of one that is not there, of the nearest table that it should stand in, without a path."""
        near = key
        while near:
            for form in (near, _NAMED.sub(r"\1", near)):
                if form in self._keys:
                    steps, spot = self._keys[form]
                    return Place(self._file, spot.line, spot.column), steps if near == key else None
            near = near[: max(near.rfind("."), near.rfind("["), 0)]
        return None, None

    def _at(self, steps: Steps) -> Any:
        value: Any = self._raw
        for step in steps:
            value = value[step]
        return value

    def _hide(self, text: str) -> str:
        for value, reference in self._hidden.items():
            text = text.replace(value, reference)
        return text
