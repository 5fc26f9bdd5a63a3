"""Tables of figures for people and for programs, and what every figure means."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from models.evaluate.legend import BLIND, FIGURES, INTERVALS, NOT_POINT_ADJUSTED
from models.evaluate.tables import DRAWS, SEED, Line, Table
from models.evaluate.told import figure_told

COLUMNS = 8  # of figures, side by side


def shown(tables: Sequence[Table], console: Console) -> None:
    """Print them; without a terminal as lines of tab-separated cells."""
    for table in tables:
        keys = _keys(table)
        console.print(f"\n{table.title}", style="bold", markup=False, highlight=False)
        for sentence in table.how:
            console.print(sentence, markup=False, highlight=False)
        if console.is_terminal:
            for first in range(0, len(keys), COLUMNS):
                console.print(_grid(table, keys[first : first + COLUMNS]))
        else:
            heads = [FIGURES[key].label for key in keys]
            lines = [["", *heads], *([line.name, *(_cell(line, key) for key in keys)] for line in table.lines)]
            for cells in lines:
                console.print("\t".join(cells), markup=False, highlight=False)
        for line in table.lines:
            if line.note:
                console.print(f"{line.name}: {line.note}", style="dim", markup=False, highlight=False)
    footer = f"\n{INTERVALS.format(draws=DRAWS, seed=SEED)} {NOT_POINT_ADJUSTED} What each figure is: --explain"
    console.print(footer, style="dim", markup=False, highlight=False)


def explained(tables: Sequence[Table], console: Console) -> None:
    """Print definition and source of the figures of some tables, and of the lines that know nothing; none = of all."""
    keys = dict.fromkeys(key for table in tables for key in _keys(table)) or FIGURES
    grid = RichTable("figure", "better", "definition", "source", box=None, title="figures", title_justify="left")
    for key in keys:
        figure = FIGURES[key]
        grid.add_row(Text(figure.label), figure.better, Text(figure.definition), Text(figure.source))
    blind = RichTable("line", "what it is", box=None, title="\nwhat knows nothing", title_justify="left")
    for name, told in BLIND.items():
        blind.add_row(name, Text(told))
    console.print(grid, blind)
    console.print(f"\n{NOT_POINT_ADJUSTED}", markup=False, highlight=False)


def as_json(tables: Sequence[Table]) -> str:
    """The same for programs; null where a figure does not apply."""
    keys = dict.fromkeys(key for table in tables for key in _keys(table))
    return json.dumps(
        {
            "seed": SEED,
            "bootstrap_draws": DRAWS,
            "tables": [
                {"title": table.title, "protocol": list(table.how), "lines": [_plain(line) for line in table.lines]}
                for table in tables
            ],
            "figures": {
                key: {
                    "unit": FIGURES[key].unit,
                    "better": FIGURES[key].better,
                    "definition": FIGURES[key].definition,
                    "source": FIGURES[key].source,
                }
                for key in keys
            },
            "point_adjusted": False,
        },
        indent=2,
    )


def _plain(line: Line) -> dict[str, Any]:
    figures = {key: value if math.isfinite(value) else None for key, value in line.figures.items()}
    spans = {key: list(span) for key, span in line.spans.items()}
    return {"name": line.name, "figures": figures, "intervals": spans, "note": line.note}


def _keys(table: Table) -> list[str]:
    """Figures that apply to at least one line."""
    return [key for key in FIGURES if any(math.isfinite(line.figures.get(key, math.nan)) for line in table.lines)]


def _grid(table: Table, keys: Sequence[str]) -> RichTable:
    grid = RichTable("", *(FIGURES[key].label for key in keys), box=None, pad_edge=False)
    for line in table.lines:
        cells = []
        for key in keys:
            cell = Text(figure_told(key, line.figures.get(key, math.nan)))
            if span := line.spans.get(key):
                cell.append(f"\n{_between(key, span)}", style="dim")
            cells.append(cell)
        grid.add_row(Text(line.name), *cells)
    return grid


def _cell(line: Line, key: str) -> str:
    told = figure_told(key, line.figures.get(key, math.nan))
    span = line.spans.get(key)
    return f"{told} {_between(key, span)}" if span else told


def _between(key: str, span: tuple[float, float]) -> str:
    return f"[{figure_told(key, span[0])}, {figure_told(key, span[1])}]"
