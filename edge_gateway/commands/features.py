"""`sluicegate features`: what can be computed of a tag in a window, and which of it the sets hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.exit_codes import Exit
from edge_gateway.flow_file import FlowRejected, load_features
from models.features import SETS, FeatureSet, families, registered

MARK, END = "<!-- features -->\n", "\n<!-- end of features -->\n"  # in models/README.md: what is between is made here
HEAD = ("name", "unit", "of", "formula", "source")


@dataclass(frozen=True, slots=True)
class Row:
    """One feature, or one kind of features with parameters.

    Attributes:
        name: As it is written in `[features] names`; parameters in capitals.
        unit: u = unit of the tag.
        of: "waveforms", or "" = any tag.
        formula: What is computed.
        source: What defines it.
    """

    name: str
    unit: str
    of: str
    formula: str
    source: str


def rows(*, shipped: bool = False) -> list[Row]:
    """All that is registered, or only what is shipped: for any tag before for waveforms only, by name."""
    return sorted(_rows(shipped=shipped), key=lambda row: (row.of, row.name))


def _rows(*, shipped: bool = False) -> Iterator[Row]:
    def wanted(function: Callable[..., object]) -> bool:
        return not shipped or function.__module__.startswith("models.")

    for one in registered().values():
        if ":" not in one.name and wanted(one.function):
            yield Row(one.name, one.unit, "waveforms" if one.waveform else "", one.formula, one.source)
    for kind in filter(lambda kind: wanted(kind.make), families().values()):
        formula = kind.formula
        for parameter in kind.parameters:
            formula = formula.replace(f"{{{parameter}}}", parameter.upper())
        yield Row(kind.usage, kind.unit, "waveforms" if kind.waveform else "", formula, kind.source)


def markdown() -> str:
    """The tables of features and sets as they stand in models/README.md."""
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
    for row in rows(shipped=True):
        told = [f"`{row.name}`", row.unit, row.of, row.formula, row.source]
        lines.append("| " + " | ".join(text.replace("|", "\\|") for text in told) + " |")
    lines += ["", "| set | features |", "|---|---|"]
    lines += [f"| `{one.name}` | {', '.join(f'`{name}`' for name in one.features)} |" for one in SETS.values()]
    return "\n".join(lines) + "\n"


def features_command(config: Path | None, *, as_json: bool) -> int:
    """Print features and sets; with a configuration also what its module adds, and its own set.

    Returns:
        An `Exit` code.
    """
    sets: dict[str, FeatureSet] = dict(SETS)
    if config is not None:
        try:
            mine = load_features(load(config).features)
        except (ConfigRejected, FlowRejected) as rejected:
            typer.echo(str(rejected), err=True)
            return Exit.CONFIG
        sets[mine.name] = mine
    if as_json:
        told = [{"name": one.name, "version": one.version, "features": one.features} for one in sets.values()]
        typer.echo(json.dumps({"features": [asdict(row) for row in rows()], "sets": told}, indent=2))
    else:
        _print(sets)
    return Exit.OK


def _print(sets: dict[str, FeatureSet]) -> None:
    table = Table(*HEAD, box=None, title="features (u = unit of the tag)", title_justify="left")
    lines = [(row.name, row.unit, row.of, row.formula, row.source) for row in rows()]
    chosen = [(f"{one.name}@{one.version}", ", ".join(one.features)) for one in sets.values()]
    if not (console := Console()).is_terminal:
        for line in (HEAD, *lines, *chosen):
            typer.echo("\t".join(line))
        return
    for line in lines:
        table.add_row(*line)
    console.print(table)
    second = Table("set", "features", box=None, title="sets", title_justify="left")
    for line in chosen:
        second.add_row(*line)
    console.print(second)


if __name__ == "__main__":
    readme = Path(__file__).parents[2] / "models" / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(MARK)
    readme.write_text(before + MARK + markdown() + END + rest.partition(END)[2], encoding="utf-8")
