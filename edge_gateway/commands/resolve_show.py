"""What `sluicegate resolve` found, as people and machines read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connectors.opcua.address import node_text
from edge_gateway.commands.pin_changes import Change
from edge_gateway.commands.pinning import Match
from edge_gateway.commands.show import printable

HEAD = ("state", "link", "asset", "tag", "unit", "node", "glob", "was")
STYLES = {"new": "green", "gone": "red", "changed": "yellow", "kept": "dim"}
SHOWN = 3  # paths of what is left out for one reason; --json tells all


def show(found: Sequence[Change], matches: Sequence[Match], *, as_json: bool) -> None:
    """Print the variables with what became of them, and on standard error those that were left out."""
    if as_json:
        left_out = [_left_json(one, number, reason) for one in matches for number, reason in one.left_out]
        typer.echo(json.dumps({"tags": [_json(one) for one in found], "left_out": left_out}, indent=2))
        return
    if (console := Console()).is_terminal:
        console.print(table_of(found))
    else:
        for row in (HEAD, *map(_row, found)):
            typer.echo("\t".join(row))
    for each in matches:
        for line in _left_lines(each):
            typer.echo(line, err=True)


def table_of(found: Sequence[Change]) -> Table:
    """For a terminal; `Text`, for a glob like [fh]* is no markup."""
    table = Table(*HEAD, box=None)
    for one in found:
        table.add_row(*(Text(cell, overflow="fold") for cell in _row(one)), style=STYLES[one.state])
    return table


def _row(one: Change) -> tuple[str, ...]:
    tag = one.tag
    facts = (one.glob.link, tag.asset, tag.tag, tag.unit, tag.node, one.glob.glob, one.was)
    return one.state, *map(printable, facts)


def _json(one: Change) -> dict[str, Any]:
    tag = one.tag
    about = {"state": one.state, "link": one.glob.link, "glob": one.glob.glob}
    return {**about, "asset": tag.asset, "tag": tag.tag, "node": tag.node, "unit": tag.unit, "was": one.was or None}


def _left_json(one: Match, number: int, reason: str) -> dict[str, Any]:
    node = one.tree.nodes[number]
    about = {"link": one.link, "glob": one.glob.glob, "path": list(node.path)}
    return {**about, "node": node_text(node.address), "reason": reason}


def _left_lines(one: Match) -> Iterator[str]:
    paths: dict[str, list[str]] = {}
    for number, reason in one.left_out:
        paths.setdefault(reason, []).append(printable("/".join(one.tree.nodes[number].path)))
    for reason, those in sorted(paths.items()):
        more = f" and {len(those) - SHOWN} more" if len(those) > SHOWN else ""
        yield f"left out of {one.link} {printable(one.glob.glob)}, {reason}: {', '.join(those[:SHOWN])}{more}"
