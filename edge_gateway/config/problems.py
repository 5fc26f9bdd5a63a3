"""Problems of a configuration as people read them: where, key, value, rule, fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file.

    Attributes:
        file: As it was named.
        line: From 1; 0 where the file as a whole is meant.
        column: From 1; 0 where it is not known.
    """

    file: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong.

    Attributes:
        key: Dotted path, list items by number and name: `opcua[0] "plc".tags[2] "flow".node`.
        value: What stands there, as it would be written, None where nothing stands there.
        rule: What must hold.
        fix: What to do.
        place: Where the key stands, or what it should stand in; None = no file says it.
        shown: The line itself and a mark below it, where it is not even TOML.
        at: Key by which the place is found, where that is not `key`.
    """

    key: str
    value: str | None
    rule: str
    fix: str
    place: Place | None = None
    shown: tuple[str, ...] = ()
    at: str = ""

    def __str__(self) -> str:
        head = self.key if self.value is None else f"{self.key} = {self.value}"
        return _printable(f"{head}: {self.rule}." + (f" {self.fix}" if self.fix else ""))

    def told(self) -> str:
        """With its place, as editors and terminals follow it: `gateway.toml:12: ...`; further lines are indented."""
        text = str(self) if self.place is None else f"{self.place}: {self}"
        return "\n".join([text, *(f"    {_printable(line)}" for line in self.shown)])


class ConfigRejected(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The configuration cannot be used; `problems` holds every reason, not only the first."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        super().__init__("\n".join([f"{path}: {count}", *(f"  {problem.told()}" for problem in self.problems)]))


def did_you_mean(given: str, known: Iterable[str], *, else_: str = "") -> str:
    """The beginning of a fix: the known word that `given` is nearly, else what stands in `else_`."""
    near = difflib.get_close_matches(given, list(known), 1)
    return f"Did you mean {near[0]!r}?" if near else else_


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
