"""What is wrong with a register map, all of it at once."""

# ruff: noqa: N818  the name says what happened

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.errors import ConnectorError


@dataclass(frozen=True, slots=True)
class MapProblem:
    """One thing wrong.

    Attributes:
        file: Name of the map.
        line: From 1; 0 where it is of no line.
        key: Column or key; "" where it is of none.
        value: What stands there, None where nothing does.
        rule: What must hold.
        fix: What to do.
    """

    file: str
    line: int
    key: str
    value: str | None
    rule: str
    fix: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        what = self.key if self.value is None else f"{self.key} = {self.value}" if self.key else self.value
        text = f"{place}: {what}: {self.rule}. {self.fix}" if what else f"{place}: {self.rule}. {self.fix}"
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class RegisterMapRejected(ConnectorError, ValueError):
    """A register map cannot be used; `problems` holds every reason, not only the first."""

    def __init__(self, problems: Sequence[MapProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
