"""Where the commands about alarms look: the data folder of a configuration, its alarm history, an alert by its id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cloud_sink.alarms import AlarmReader
from cloud_sink.errors import OutboxError
from cloud_sink.records import Alert
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.unfinished import read_unfinished
from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout

SHORTEST = 8  # digits of an id; also what lists show


@dataclass(frozen=True, slots=True)
class Site:
    """What a configuration says of its gateway.

    Attributes:
        config: Its file.
        name: Site and gateway, for people.
        layout: Its data folder.
        assets: Names that stand in it.
    """

    config: Path
    name: str
    layout: Layout
    assets: frozenset[str]


def answered(work: Callable[[], int]) -> int:
    """Do the work; a refusal becomes a message and its exit code."""
    try:
        return work()
    except Refusal as refusal:
        typer.echo(str(refusal), err=True)
        return refusal.exit_code


def find_site(path: Path) -> Site:
    """From a configuration that need not be whole: alarms can be answered while somebody edits it.

    Raises:
        Refusal: It cannot be read, or does not say who the gateway is.
    """
    data, gateway = read_unfinished(path)
    name = f"{gateway.site}, {gateway.name}"
    return Site(path, name, Layout(path.resolve().parent / gateway.data), frozenset(_assets(data)))


@contextmanager
def alarm_history(site: Site) -> Iterator[AlarmReader]:
    """The alarm history of a gateway, running or not.

    Raises:
        Refusal: There is none, or it cannot be read.
    """
    try:
        with AlarmReader(site.layout.outbox) as reader:
            yield reader
            if reader.damaged:
                typer.echo(f"{reader.damaged} damaged entries of the alarm history were left out", err=True)
    except OutboxError as error:
        rule = str(error).removeprefix(f"outbox {error.path}: ")
        raise Refusal("alarm history", str(error.path), rule, f"See `sluicegate run {site.config}`.") from error


def find_alert(reader: AlarmReader, given: str) -> list[Alert]:
    """All transitions of the alert that an id or its beginning names, at least one.

    Raises:
        Refusal: It names none, or several.
    """
    prefix = given.strip().lower()
    fix = "`sluicegate alerts ls --all` shows ids."
    if not SHORTEST <= len(prefix) <= 32 or set(prefix) - set("0123456789abcdef"):
        raise Refusal("ALERT_ID", f'"{given}"', f"must be {SHORTEST} to 32 hexadecimal digits", fix)
    ids = reader.ids(prefix)
    if len(ids) != 1:
        rule = f"is the beginning of {len(ids)} alerts" if ids else "is no alert of this gateway"
        raise Refusal("ALERT_ID", f'"{given}"', rule, "Give more digits." if ids else fix)
    transitions = reader.history(ids[0])
    if not transitions:
        rule = "is damaged in the alarm history, all of it"
        raise Refusal("ALERT_ID", f'"{given}"', rule, "Look for it at the target.", Exit.FAILED)
    return transitions


def _assets(value: Any) -> Iterator[str]:
    """Every name given as `asset`, in tags, units and maps."""
    if isinstance(value, dict):
        name = value.get("asset")
        if isinstance(name, str):
            yield name
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _assets(item)
