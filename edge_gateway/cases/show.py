"""Results of cases for people and for programs. Pure but for the console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_gateway.cases.judge import Line, Verdict
from edge_gateway.cases.run import CaseResult
from edge_gateway.times import clock_text

_LOOKS = {
    Verdict.AS_EXPECTED: ("=", "green"),
    Verdict.MISSING: ("-", "red"),
    Verdict.UNEXPECTED: ("+", "red"),
    Verdict.ALLOWED: ("~", "yellow"),
}
_HEAD = ("verdict", "asset", "alarm", "state", "expected (UTC)", "came (UTC)", "note")


def diff_table(lines: Sequence[Line]) -> Table:
    """Every alarm; what is wrong stands out by its sign as well as by its colour."""
    table = Table(*_HEAD, box=box.SIMPLE_HEAD)
    for line in lines:
        sign, colour = _LOOKS[line.verdict]
        times = [clock_text(at) if at else "" for at in (line.expected, line.got)]
        cells = (f"{sign} {line.verdict}", line.asset, line.rule, line.state, *times, line.note)
        table.add_row(*(Text(cell, style=colour if line.is_wrong else "") for cell in cells))
    return table


def diff_text(lines: Sequence[Line]) -> str:
    """The same without colour, as wide as it must be."""
    console = Console(width=240, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(diff_table(lines))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def case_facts(result: CaseResult) -> dict[str, Any]:
    """For programs."""
    return {
        "case": str(result.folder),
        "passed": result.passed,
        "updated": result.updated,
        "samples": result.samples,
        "alerts": [
            {
                "verdict": line.verdict.value,
                "asset": line.asset,
                "rule": line.rule,
                "state": line.state,
                "expected": line.expected,
                "got": line.got,
                "note": line.note,
            }
            for line in result.lines
        ],
    }
