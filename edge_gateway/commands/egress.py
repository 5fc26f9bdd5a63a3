"""`sluicegate egress`: what left the site, from the ledger. Needs no running gateway."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from pathlib import Path

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cloud_sink.egress import DELIVERED, FETCHED, UNCHANGED, Entry, read_ledger
from edge_gateway.commands.show import printable
from edge_gateway.config.config import Config
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.config.units import duration_text
from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout


@dataclass(slots=True)
class Sum:
    """What one kind of record sent to one target.

    Attributes:
        objects: Delivered.
        records: In them.
        size: Bytes of them.
        wire: Bytes handed to the network, with headers and attempts in vain.
        attempts: In vain.
    """

    objects: int = 0
    records: int = 0
    size: int = 0
    wire: int = 0
    attempts: int = 0


def egress_command(config: Path, since: timedelta, *, every: bool, as_json: bool, now: datetime | None = None) -> int:
    """Print what left.

    Args:
        config: Of the gateway.
        since: How far to look back.
        every: Each attempt instead of sums.
        as_json: One JSON object a line for `every`, else one for all.
        now: The time; left out = by the clock.

    Returns:
        An `Exit` code.
    """
    try:
        layout = Layout(_load(config).gateway.data)
    except ConfigRejected as rejected:
        typer.echo(str(rejected), err=True)
        return Exit.CONFIG
    try:
        begin = (now or datetime.now(UTC)) - since
        both = (read_ledger(folder, begin) for folder in (layout.outbox, layout.influx))
        entries = list(merge(*both, key=lambda entry: entry.time))
    except OSError as error:
        typer.echo(f"{layout.root}: the ledger cannot be read: {error.strerror}", err=True)
        return Exit.FAILED
    if as_json:
        for line in map(_json, entries) if every else [_sums_json(entries, since)]:
            typer.echo(line)
    elif not entries:
        typer.echo(f"Nothing left the site in the last {duration_text(since)}.")
    else:
        Console().print(_each(entries) if every else _table(entries, since))
    return Exit.OK


def _load(path: Path) -> Config:
    from edge_gateway.config.load import load  # noqa: PLC0415

    return load(path)


def _sums(entries: Iterable[Entry]) -> dict[tuple[str, str], Sum]:
    found: dict[tuple[str, str], Sum] = defaultdict(Sum)
    for entry in entries:
        one = found[entry.target, entry.lane]
        one.wire += entry.wire
        if entry.outcome not in {DELIVERED, FETCHED, UNCHANGED}:
            one.attempts += 1
            continue
        one.objects += 1
        one.records += entry.records
        one.size += entry.size
    return found


def _sums_json(entries: Iterable[Entry], since: timedelta) -> str:
    sums = [{"target": target, "lane": lane, **asdict(one)} for (target, lane), one in _sums(entries).items()]
    return json.dumps({"since_s": since.total_seconds(), "sums": sums})


def _json(entry: Entry) -> str:
    return json.dumps({**asdict(entry), "time": entry.time.isoformat(timespec="milliseconds")})


def _table(entries: Iterable[Entry], since: timedelta) -> Table:
    table = Table(title=f"left the site in the last {duration_text(since)}", title_justify="left", box=box.SIMPLE)
    for name in ("target", "records of"):
        table.add_column(name)
    for name in ("objects", "records", "bytes", "on the wire", "in vain"):
        table.add_column(name, justify="right")
    total = Sum()
    for (target, lane), one in _sums(entries).items():
        table.add_row(printable(target), printable(lane), *_numbers(one))
        for field, value in asdict(one).items():
            setattr(total, field, getattr(total, field) + value)
    table.add_section()
    table.add_row("all", "", *_numbers(total))
    return table


def _numbers(one: Sum) -> list[str]:
    return [f"{value:,}" for value in (one.objects, one.records, one.size, one.wire, one.attempts)]


def _each(entries: Iterable[Entry]) -> Table:
    table = Table(box=box.SIMPLE)
    for name in ("time", "target", "key", "bytes", "on the wire", "outcome", "sha256"):
        table.add_column(name, overflow="fold")
    for entry in entries:
        time = entry.time.isoformat(timespec="seconds")
        table.add_row(
            time,
            printable(entry.target),
            printable(entry.key),
            f"{entry.size:,}",
            f"{entry.wire:,}",
            printable(entry.outcome),
            printable(entry.sha256[:16]),
        )
    return table
