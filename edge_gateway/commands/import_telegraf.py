"""`sluicegate import`: a telegraf.conf as a gateway.toml, and what became of each part of it."""

from __future__ import annotations

import json
import os
import socket
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_gateway.commands.refusal import Refusal
from edge_gateway.config.names import config_name
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.config.toml_spots import spots
from edge_gateway.config.written import no_toml
from edge_gateway.exit_codes import Exit
from edge_gateway.telegraf.convert import Converted, convert
from edge_gateway.telegraf.notes import Note


@dataclass(frozen=True, slots=True)
class ImportWish:
    """What is asked for; see `register_config.py`.

    Attributes:
        source: telegraf.conf.
        out: gateway.toml to be written.
        site: Of the gateway.
        name: Of the gateway; None = this machine's.
        as_json: Machine-readable.
    """

    source: Path
    out: Path
    site: str
    name: str | None
    as_json: bool


def import_telegraf(wish: ImportWish) -> int:
    """Write the configuration, and the files with passwords that it names.

    Returns:
        An `Exit` code: FAILED if there is nothing to take, CONFIG if the file cannot be read or written.
    """
    try:
        converted = _converted(wish)
        if converted.tags:
            _write(wish.out, converted)
    except (ConfigRejected, Refusal) as refused:
        typer.echo(str(refused), err=True)
        return Exit.CONFIG
    except OSError as error:
        typer.echo(str(Refusal(str(error.filename or "file"), None, f"failed: {error.strerror}", "")), err=True)
        return Exit.CONFIG
    _tell(wish, converted)
    return Exit.OK if converted.tags else Exit.FAILED


def _converted(wish: ImportWish) -> Converted:
    try:
        text = wish.source.read_text(encoding="utf-8-sig")
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise no_toml(wish.source, error, "Numbers of the environment must be written out for this import.") from error
    for key in ("opcua", "opcua_listener", "modbus"):  # a head in single brackets
        if isinstance(found := data.get("inputs", {}).get(key), dict):
            data["inputs"][key] = [found]
    name = config_name(wish.name or socket.gethostname())
    return convert(data, spots(text), config_name(wish.site), name, wish.source.name)


def _write(out: Path, converted: Converted) -> None:
    """Nothing is ever overwritten: a file that is there is somebody's."""
    for file in (out, *(out.parent / name for name in converted.passwords)):
        if file.exists():
            raise Refusal("--out", str(file), "is there already", "Name another file, or remove it.")
    for name, password in converted.passwords.items():
        file = out.parent / name
        file.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(password)
    if converted.needs_trust:
        (out.parent / "trusted").mkdir(exist_ok=True)
    out.write_text(converted.text, encoding="utf-8")


def _tell(wish: ImportWish, converted: Converted) -> None:
    if wish.as_json:
        report = {"written": str(wish.out) if converted.tags else None, "tags": converted.tags}
        typer.echo(json.dumps(report | {"notes": [asdict(note) for note in converted.notes]}, indent=1))
        return
    Console().print(_table(converted.notes, wish.source))
    if not converted.tags:
        typer.echo(f"{wish.source}: there is no OPC-UA or Modbus field in it that can be taken; nothing was written")
        return
    files = [str(wish.out), *(str(wish.out.parent / name) for name in converted.passwords)]
    typer.echo(f"written: {', '.join(files)} with {converted.tags} tags")
    if converted.by_index:
        why = (
            f"{', '.join(converted.by_index)} names nodes by the index of their namespace, which only the server knows"
        )
        typer.echo(f"next: sluicegate resolve {quote(str(wish.out))}   # {why}")
    typer.echo(f"next: sluicegate check {quote(str(wish.out))}")


def _table(notes: Sequence[Note], source: Path) -> Table:
    table = Table(title=str(source), title_justify="left", box=box.SIMPLE)
    for column in ("line", "what", "", "why, or into what"):
        table.add_column(column, justify="right" if column == "line" else "left", overflow="fold")
    for note in notes:
        table.add_row(str(note.line or ""), Text(note.what), note.fate, Text(note.told))
    return table
