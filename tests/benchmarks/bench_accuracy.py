"""Accuracy on public recordings, with the defaults of the product, against what was promised.

The protocols are the product's own (`models/evaluate/protocols`), and so are the figures: `sluicegate evaluate` prints
the same. Needs the recordings: in the folder that SLUICEGATE_DATA names, or in shared/data beside the checkout; they
are not part of this project. Seeds are fixed, nothing looks ahead, and beside every figure stands what knows nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from models.evaluate.protocols import changes, nab, process, skab
from models.evaluate.tables import DRAWS, SEED, Line, Table
from models.evaluate.told import figure_told

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"  # beside the checkout


@dataclass(frozen=True, slots=True)
class Goal:
    """What a line must reach: "at least" for figures that are better high, "at most" for the others.

    Attributes:
        table: Its title.
        line: Its name.
        figure: That stands first in the result.
        at_least: By figure.
        at_most: By figure.
    """

    table: str
    line: str
    figure: str
    at_least: dict[str, float]
    at_most: dict[str, float]

    @property
    def told(self) -> str:
        least = [f"{key} >= {figure_told(key, value)}" for key, value in self.at_least.items()]
        most = [f"{key} <= {figure_told(key, value)}" for key, value in self.at_most.items()]
        return ", ".join([*least, *most])

    def met(self, figures: dict[str, float]) -> bool:
        enough = all(figures[key] >= value for key, value in self.at_least.items())
        return enough and all(figures[key] <= value for key, value in self.at_most.items())


_SKAB = {"far": 0.22, "mar": 0.17}
GOALS = (
    Goal("SKAB", skab.BUDGET, "f1", {}, {}),
    Goal("SKAB", skab.OTHER_GROUPS, "f1", {"f1": 0.82}, _SKAB),
    Goal("SKAB", skab.OTHER_GROUPS_FAR, "f1", {}, {}),
    Goal("SKAB", skab.OTHER_FILES, "f1", {"f1": 0.82}, _SKAB),
    Goal("SKAB without anomalies", skab.BUDGET, "far", {}, {"far": 0.015}),
    Goal("SKAB without anomalies", skab.CHOSEN, "far", {}, {"far": 0.015}),
    Goal("SKAB, changepoints", changes.CHOSEN, "changes_low_fp", {"changes_low_fp": 50.0}, {}),
    Goal("Tennessee Eastman", process.BUDGET, "detected", {}, {}),
    Goal("Tennessee Eastman", process.STAYS, "detected", {}, {}),
    Goal(
        "Tennessee Eastman",
        process.AT_QUANTILE,
        "detected",
        {"detected": 0.93},
        {"far_normal": 0.015, "far_before": 0.015},
    ),
    Goal("FCCU", process.BUDGET, "found", {"found": 1.0}, {"far_normal": 0.0, "far_before": 0.0}),
    Goal("NAB", nab.SUITE, "nab", {"nab": 60.0}, {}),
    Goal("NAB", nab.SUITE, "nab_low_fp", {"nab_low_fp": 57.0}, {}),
    Goal("NAB", nab.SUITE, "nab_low_fn", {}, {}),
    Goal("NAB", nab.SUITE, "nab_elsewhere", {"nab_elsewhere": 58.0}, {}),
)
PARTS: tuple[tuple[str, Callable[[Path], list[Table]]], ...] = (
    ("skab", lambda folder: skab.tables(folder, progress)),
    ("skab", changes.tables),
    ("tep", process.tennessee_tables),
    ("fccu", process.fccu_tables),
    ("nab", lambda folder: nab.tables(folder, progress)),
)


def run() -> list[dict[str, Any]]:
    data = Path(os.environ.get("SLUICEGATE_DATA", BESIDE))
    results: list[dict[str, Any]] = []
    with threadpool_limits(1):  # small matrices; threads only wait for each other
        for name, tables in PARTS:
            if (data / name).is_dir():
                for table in tables(data / name):
                    results += judged(table)
            else:
                reason = f"no recordings in {name} of SLUICEGATE_DATA or shared/data beside the checkout"
                results.append({"name": f"accuracy: {name} skipped", "unit": reason, "met": None})
    return results


def judged(table: Table) -> list[dict[str, Any]]:
    """Results of the lines with a goal, each with its other figures and the lines beside it."""
    if table.title == skab.BOARD_TITLE:
        return [_board(table)]
    results = []
    for goal in (goal for goal in GOALS if goal.table == table.title):
        line = table.line(goal.line)
        keys = dict.fromkeys([goal.figure, *goal.at_least, *goal.at_most, *_BESIDE.get(table.title, ())])
        results.append(
            {
                "name": f"accuracy: {table.title}, {line.name}",
                "figure": line.figures[goal.figure],
                "unit": goal.figure,
                "against": "",
                "ratio": None,
                "goal": goal.told,
                "met": goal.met(line.figures) if goal.told else None,
                "protocol": f"{' '.join(table.how)} Seed {SEED}, {DRAWS} bootstrap draws over files. {line.note}",
                "figures": _told(line, line.figures),
                **{other.name: _told(other, keys) for other in table.lines if other is not line},
            }
        )
    return results


_BESIDE = {
    "SKAB": ("f1", "far", "mar"),
    "SKAB without anomalies": ("far", "false_alarms_per_day"),
    "SKAB, changepoints": ("changes_low_fp", "changes"),
    "Tennessee Eastman": ("detected", "far_normal", "far_before"),
    "FCCU": ("found", "detected", "far_normal", "far_before"),
}


def _board(table: Table) -> dict[str, Any]:
    ahead = [line for line in table.lines if line.figures["mar_at_far"] < line.figures["mar_board"]]
    return {
        "name": f"accuracy: {table.title}: rows with more missed alarms than the suite at their own FAR",
        "figure": float(len(ahead)),
        "unit": f"of {len(table.lines)}",
        "against": "",
        "ratio": None,
        "goal": f"{len(table.lines)} of {len(table.lines)}",
        "met": len(ahead) == len(table.lines),
        "protocol": " ".join(table.how),
        **{line.name: _told(line, line.figures) for line in table.lines},
    }


def _told(line: Line, keys: Any) -> str:
    parts = []
    for key in keys:
        if (value := line.figures[key]) == value:  # NaN = does not apply
            span = line.spans.get(key)
            between = f" ({figure_told(key, span[0])} to {figure_told(key, span[1])})" if span else ""
            parts.append(f"{key} {figure_told(key, value)}{between}")
    return ", ".join(parts)


def progress(what: str, done: int, of: int) -> None:
    if done % 10 == 0 or done == of:
        print(f"accuracy: {what} {done} of {of}", file=sys.stderr, flush=True)
