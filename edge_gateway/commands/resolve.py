"""`sluicegate resolve`: the globs of a configuration, looked up at their servers once and pinned in a file."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

import typer

from connectors.opcua.address import NodeAddress
from connectors.opcua.path import parse_address
from edge_gateway.check import missing
from edge_gateway.commands.naming import Place
from edge_gateway.commands.pin_changes import changes, counted
from edge_gateway.commands.pin_namespaces import indices, moved, pin_namespaces
from edge_gateway.commands.pinning import pin
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.resolve_links import Bounds, Found, look
from edge_gateway.commands.resolve_show import show
from edge_gateway.config.config import Config
from edge_gateway.config.load import load
from edge_gateway.config.namespaces import index_of
from edge_gateway.config.pins import PinnedNamespace, Pins, path_of, read, text
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.config.toml_text import toml_text
from edge_gateway.config.written import rejected
from edge_gateway.exit_codes import Exit


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; see `register.py`.

    Attributes:
        config: The configuration.
        check: Only say whether the servers differ from the file.
        as_json: Machine-readable.
        bounds: How far to browse.
    """

    config: Path
    check: bool
    as_json: bool
    bounds: Bounds


def resolve(wish: Wish) -> int:
    """Look up all globs, tell what is new, gone and kept, and write the file if anything is.

    Returns:
        An `Exit` code: FAILED if a glob finds nothing or a server is not there, and the file stays as it was;
        also, where it is only checked, if a server differs from it.
    """
    try:
        return _resolve(wish)
    except (ConfigRejected, Refusal) as refused:
        typer.echo(str(refused), err=True)
        return refused.exit_code if isinstance(refused, Refusal) else Exit.CONFIG
    except OSError as error:
        typer.echo(str(Refusal(str(error.filename or "file"), None, f"failed: {error.strerror}", "")), err=True)
        return Exit.CONFIG


def _resolve(wish: Wish) -> int:
    path = path_of(wish.config)
    config, old = load(wish.config, pinned=False), read(path)
    if problems := list(missing(config)):
        raise rejected(wish.config, problems)
    if old == Pins() and not any(link.globs or indices(link) for link in config.opcua):
        raise Refusal(str(wish.config), None, "has no globs to resolve", "Write [[opcua.globs]] below an [[opcua]].")
    found = asyncio.run(look(config, wish.config, wish.bounds))
    for note in (*found.notes, *moved(found.namespaces, old)):
        typer.echo(note, err=True)
    if found.failures:
        for told, _ in found.failures:
            typer.echo(told, err=True)
        typer.echo(f"{path}: nothing was changed", err=True)
        return max(code for _, code in found.failures)
    namespaces = pin_namespaces(config, found.namespaces, old)
    new = pin(found.matches, old, _own(config, namespaces)).model_copy(update={"namespaces": namespaces})
    differing = list(changes(old, new))
    show(differing, found.matches, as_json=wish.as_json)
    typer.echo(f"{path}: {counted(differing)}{_done(wish, path, old, new, found)}", err=True)
    return Exit.FAILED if wish.check and new != old else Exit.OK


def _done(wish: Wish, path: Path, old: Pins, new: Pins, found: Found) -> str:
    """Write the file if it is to be, and tell it."""
    command = f"sluicegate resolve {quote(str(wish.config))}"
    if new == old:
        return "; it is up to date"
    if wish.check:
        return f"; it differs from what was found: run `{command}`"
    write(path, _head(wish.config, found.endpoints) + text(new))
    return "; written. A gateway that runs takes it at its next start"


def _own(config: Config, namespaces: Sequence[PinnedNamespace]) -> Mapping[tuple[str, str], Place]:
    """Asset and tag -> link and node, of what the configuration names itself."""
    uris = {(one.link, one.index): one.uri for one in namespaces}
    opcua: dict[tuple[str, str], Place] = {}
    for link in config.opcua:
        for tag in link.tags:
            address = parse_address(tag.node)
            if isinstance(address, NodeAddress) and (index := index_of(address.uri)) is not None:
                address = replace(address, uri=uris[link.name, index])
            opcua[tag.asset, tag.tag] = link.name, address
    lines = ((line, tag) for line in config.modbus for unit in line.all_units() for tag in unit.tags)
    return {**opcua, **{(tag.asset, tag.tag): (line.name, tag.address) for line, tag in lines}}


def _head(config: Path, endpoints: Sequence[tuple[str, str]]) -> str:
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = [
        f"OPC-UA tags and namespaces that globs and indices in {toml_text(config.name)} stand for; belongs beside it.",
        "Written by `sluicegate resolve`: done again, it adds what is new and removes what is gone; other names stay.",
        *(f"{now}: {toml_text(name)} at {toml_text(endpoint)}" for name, endpoint in endpoints),
    ]
    return "".join(f"# {line}\n" for line in lines)


def write(path: Path, content: str) -> None:
    """All of it or nothing, also when the power fails."""
    fresh = path.with_suffix(".tmp")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        with suppress(FileNotFoundError):
            fresh.unlink()
