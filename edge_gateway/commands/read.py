"""`sluicegate read`: the current values of a few nodes."""

from __future__ import annotations

import json
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.text import Text

from connectors.opcua.address import NodeAddress, parse_node
from connectors.opcua.browse import read_many
from connectors.opcua.codes import BAD_NODE_ID_UNKNOWN
from connectors.opcua.nodes import Attribute, Reading
from edge_gateway.commands.access import Session
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import code_text, printable, reading_json, status_text, time_text, value_text
from edge_gateway.exit_codes import Exit

HEAD = ("node", "value", "type", "status", "code", "source time", "server time")


def check_nodes(texts: Sequence[str]) -> list[NodeAddress]:
    """The nodes of the command line.

    Raises:
        Refusal: One cannot be read.
    """
    return [parse(text, "NODE") for text in texts]


def parse(text: str, key: str) -> NodeAddress:
    """A node of the command line.

    Raises:
        Refusal: It cannot be read.
    """
    try:
        return parse_node(text)
    except ValueError as error:
        raise Refusal(key, f'"{text}"', str(error).removeprefix(f"node {text!r}: "), "") from error


async def read_nodes(session: Session, texts: Sequence[str], *, as_json: bool) -> int:
    """Read and print.

    Returns:
        An `Exit` code: FAILED if a status is bad.
    """
    nodes = check_nodes(texts)
    known = [node for node in nodes if node.uri in session.facts.namespaces]
    for uri in dict.fromkeys(node.uri for node in nodes if node not in known):
        have = ", ".join(printable(name) for name in session.facts.namespaces)
        typer.echo(f'namespace "{printable(uri)}": the server does not have it. It has {have}.', err=True)
    wanted = [(node, Attribute.VALUE) for node in known]
    found = dict(zip(known, await read_many(session.channel, wanted, session.facts.max_read), strict=True))
    readings = [found.get(node, Reading(None, "", BAD_NODE_ID_UNKNOWN)) for node in nodes]
    pairs = list(zip(texts, readings, strict=True))
    if as_json:
        typer.echo(json.dumps([{"node": text, **reading_json(reading)} for text, reading in pairs], indent=2))
    elif (console := Console()).is_terminal:
        for text, reading in pairs:
            console.print(_block(text, reading), soft_wrap=True)
    else:
        typer.echo("\t".join(HEAD))
        for text, reading in pairs:
            typer.echo("\t".join(_row(text, reading)))
    return Exit.FAILED if any(reading.is_bad for reading in readings) else Exit.OK


def _row(text: str, reading: Reading) -> tuple[str, ...]:
    return (
        printable(text),
        value_text(reading.value),
        reading.kind,
        status_text(reading.code),
        code_text(reading.code),
        time_text(reading.source_time),
        time_text(reading.server_time),
    )


def _block(text: str, reading: Reading) -> Text:
    """Lines and no table, whose columns would break what one wants to copy."""
    node, value, kind, status, code, source, server = _row(text, reading)
    return Text.assemble(
        (node, "bold cyan"),
        f"\n  {value}  ",
        (status, status_style(reading.code)),
        (f" {code}  {kind}\n  source {source or 'time not told'}, server {server or 'time not told'}", "dim"),
    )


def status_style(code: int) -> str:
    """Colour of a status."""
    return "red" if code >> 31 else "yellow" if code >> 30 else "green"
