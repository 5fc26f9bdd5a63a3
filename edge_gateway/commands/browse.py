"""`sluicegate browse`: what a server has, and tags for a configuration made of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree as Drawing

from connectors.opcua.address import node_text
from connectors.opcua.glob import matcher
from connectors.opcua.tree import Node, Tree, chosen
from edge_gateway.commands.access import Session
from edge_gateway.commands.read import parse, status_style
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import printable, range_text, reading_json, status_text, value_json, value_text
from edge_gateway.commands.tag_blocks import tag_blocks
from edge_gateway.commands.walk import not_browsed, tree_below
from edge_gateway.exit_codes import Exit

HEAD = ("path", "node", "type", "access", "EURange", "unit", "value", "status")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; see `register.py`."""

    globs: tuple[str, ...]
    write: Path | None
    as_json: bool
    start: str
    depth: int
    limit: int

    def check(self) -> None:
        """Find out what is wrong before a server is asked.

        Raises:
            Refusal: A start that is no node, a file that is there already.
        """
        parse(self.start, "--start")
        if self.write is not None and self.write.exists():
            raise Refusal("--write", str(self.write), "is there already", "Name another file, or remove this one.")


async def browse_server(session: Session, wish: Wish) -> int:
    """Browse and print, and write the tags.

    Returns:
        An `Exit` code: FAILED if there is nothing.
    """
    tree = await tree_below(session, wish.start, "--start", wish.depth, wish.limit)
    tests = [matcher(pattern) for pattern in wish.globs]
    numbers = list(
        chosen(tree, lambda node: node.is_variable and any(test(node.path or (node.name,)) for test in tests))
        if tests
        else range(len(tree.nodes))
    )
    _print(session, tree, numbers, wish)
    for note in notes(tree, wish):
        typer.echo(note, err=True)
    if not any(tree.nodes[number].is_variable for number in numbers):
        typer.echo("no variable was found" + (f" that matches {' or '.join(wish.globs)}" if tests else ""), err=True)
        return Exit.FAILED
    return Exit.OK if wish.write is None else _write(wish.write, session, tree, numbers)


def notes(tree: Tree, wish: Wish) -> Iterator[str]:
    """Where and why the tree is not all that the server has."""
    if tree.is_full:
        yield f"note: cut at --limit {wish.limit} nodes; there are more: raise it, or begin lower with --start"
    if tree.too_deep:
        yield f"note: cut at --depth {wish.depth}; {tree.too_deep} nodes and all below them are not shown: raise it"
    yield from not_browsed(tree)


def _print(session: Session, tree: Tree, numbers: Sequence[int], wish: Wish) -> None:
    if wish.as_json:
        typer.echo(json.dumps(_json(session, tree, numbers, wish), indent=2))
    elif (console := Console()).is_terminal:
        settings = session.settings
        console.print(Text(f"{settings.endpoint} ({settings.policy}, {settings.mode})", "bold"))
        for number, uri in enumerate(session.facts.namespaces):
            console.print(Text(f"  namespace {number}  {printable(uri)}", "dim"))
        console.print(_drawing(tree, numbers))
    else:
        typer.echo("\t".join(HEAD))
        for number in numbers:
            if tree.nodes[number].is_variable:
                typer.echo("\t".join(_row(tree.nodes[number])))


def _row(node: Node) -> tuple[str, ...]:
    assert node.reading is not None
    return (
        printable("/".join(node.path or (node.name,))),
        printable(node_text(node.address)),
        type_text(node),
        access_text(node),
        range_text(node.eu_range),
        printable(node.unit),
        value_text(node.reading.value),
        status_text(node.reading.code),
    )


def type_text(node: Node) -> str:
    """For example "Double", "Float[]" for an array, "Float[][]" for a matrix."""
    return printable(node.data_type) + "[]" * max(node.rank, 1 if node.rank == 0 else 0)


def access_text(node: Node) -> str:
    """For example "read, write"."""
    return ", ".join(node.access) or "none"


def _drawing(tree: Tree, numbers: Sequence[int]) -> Drawing:
    branches: dict[int, Drawing] = {}
    for number in numbers:
        node = tree.nodes[number]
        label = _label(node)
        branches[number] = branches[node.parent].add(label) if node.parent >= 0 else Drawing(label)
    return branches[0] if numbers else Drawing(Text("nothing"))


def _label(node: Node) -> Text:
    name = printable(node.name)
    if node.reading is None:
        return Text.assemble((name, "bold"), (f"  {printable(node_text(node.address))}", "dim"))
    _, address, kind, access, limits, unit, value, status = _row(node)
    extent = f", EURange {limits}" if limits else ""
    return Text.assemble(
        (f"{name}  ", "bold cyan"),
        f"{value} {unit}".strip() + "  ",
        (status, status_style(node.reading.code)),
        (f"  {kind}, {access}{extent}\n{address}", "dim"),
    )


def _json(session: Session, tree: Tree, numbers: Sequence[int], wish: Wish) -> dict[str, Any]:
    settings = session.settings
    return {
        "endpoint": settings.endpoint,
        "security": {"policy": settings.policy, "mode": settings.mode},
        "namespaces": list(session.facts.namespaces),
        "nodes": [_node_json(tree.nodes[number]) for number in numbers],
        "notes": list(notes(tree, wish)),
    }


def _node_json(node: Node) -> dict[str, Any]:
    about: dict[str, Any] = {"path": list(node.path), "name": node.name, "node": node_text(node.address)}
    if node.reading is None:
        return about | {"class": "object"}
    return about | {
        "class": "variable",
        "data_type": node.data_type,
        "rank": node.rank,
        "access": list(node.access),
        "eu_range": value_json(node.eu_range),
        "unit": node.unit,
        **reading_json(node.reading),
    }


def _write(path: Path, session: Session, tree: Tree, numbers: Sequence[int]) -> int:
    text, count, left_out = tag_blocks(tree, numbers, session.settings.endpoint)
    for reason, times in sorted(left_out.items()):
        typer.echo(f"left out: {times} variables, {reason}", err=True)
    if not count:
        typer.echo(f"{path} was not written: no variable holds numbers that the gateway could read", err=True)
        return Exit.FAILED
    path.write_text(text, encoding="utf-8")
    typer.echo(f"{path}: {count} tags; paste them below the [[opcua]] table of {session.settings.endpoint}", err=True)
    return Exit.OK
