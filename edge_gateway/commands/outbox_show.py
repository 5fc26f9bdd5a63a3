"""`sluicegate outbox stat`, `ls` and `doctor`: what waits, in what state the file is. Beside a running gateway too."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cloud_sink.errors import OutboxError
from cloud_sink.outbox.doctor import Finding, Level, ask_for_salvage, examine
from cloud_sink.outbox.lock import holder
from cloud_sink.outbox.onlooker import Held, Onlooker
from cloud_sink.records import Lane
from edge_gateway.commands.quiet import quiet_logs
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import printable
from edge_gateway.config.config import Config
from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout
from edge_gateway.outbox_settings import outbox_settings
from edge_gateway.times import span_text, utc_text

_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.BAD: "bold red"}


def open_outbox(config: Config) -> Onlooker:
    """The gateway's outbox, to look at.

    Raises:
        Refusal: There is none, or it cannot be opened.
    """
    folder = Layout(config.gateway.data).outbox
    try:
        return Onlooker(folder)
    except OutboxError as error:
        rule = str(error).removeprefix(f"outbox {error.path}: ")
        fix = "`sluicegate outbox doctor` says more; `sluicegate run` makes one where there is none."
        raise Refusal("outbox", str(error.path), rule, fix, Exit.FAILED) from error


def show_stat(config: Config, *, as_json: bool) -> int:
    """Print what waits, by kind of record and by target."""
    with open_outbox(config) as onlooker:
        stat = onlooker.stat()
        lacking = onlooker.lacking({section.label(): section.wanted() for section in config.target})
    folder = Layout(config.gateway.data).outbox
    settings = outbox_settings(config)
    size = sum(waiting.size for waiting in stat.backlog.values())
    facts: dict[str, Any] = {
        "waiting": {lane.name.lower(): asdict(waiting) for lane, waiting in stat.backlog.items()},
        "targets": lacking,
        "bytes": size,
        "quota": settings.quota,
        "file": sum(path.stat().st_size for path in folder.glob("outbox.sqlite3*") if "corrupt" not in path.name),
        "set_aside": stat.set_aside,
        "tombstones": stat.tombstones,
        "losses": dict(stat.losses),
        "writer": holder(folder / "writer.lock"),
        "deliver": holder(folder / "deliver.lock"),
    }
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        _print_stat(facts)
    return Exit.OK


def _print_stat(facts: dict[str, Any]) -> None:
    console, now = Console(), time.time_ns()
    table = Table(title="waiting", title_justify="left", box=box.SIMPLE)
    table.add_column("records of")
    for name in ("records", "bytes", "oldest", "age"):
        table.add_column(name, justify="right")
    for lane, waiting in facts["waiting"].items():
        oldest = waiting["oldest"]
        when = (utc_text(oldest), span_text(now - oldest)) if waiting["count"] else ("", "")
        table.add_row(lane, f"{waiting['count']:,}", f"{waiting['size']:,}", *when)
    console.print(table)
    for name, count in facts["targets"].items():
        console.print(f"  {printable(name)}: {count:,} to go", markup=False, highlight=False)
    used = facts["bytes"] / facts["quota"]
    lines = [
        f"{facts['bytes']:,} of {facts['quota']:,} bytes ({used:.1%}); {facts['file']:,} on the disk",
        f"writer: {facts['writer'] or 'none'}; deliverer: {facts['deliver'] or 'none'}",
    ]
    if facts["set_aside"]:
        lines.append(f"set aside, since a target refused them or they are damaged: {facts['set_aside']:,}")
    lines += [f"{name.replace('/', ', ')}: {count:,}" for name, count in sorted(facts["losses"].items())]
    for line in lines:
        console.print(f"  {line}", markup=False, highlight=False)


def list_records(config: Config, lane: Lane | None, limit: int, *, set_aside: bool, as_json: bool) -> int:
    """Print records in the order in which lanes are delivered."""
    with open_outbox(config) as onlooker:
        found = list(islice(_held(onlooker, lane, set_aside=set_aside), limit))
    if as_json:
        for one in found:
            typer.echo(json.dumps({**asdict(one), "lane": one.lane.name.lower(), "state": one.state.name.lower()}))
        return Exit.OK
    table = Table(box=box.SIMPLE)
    for name in ("number", "kind", "time", "bytes", "state", "key"):
        table.add_column(name, overflow="fold", justify="right" if name in {"number", "bytes"} else "left")
    for one in found:
        table.add_row(
            str(one.seq), one.lane.name.lower(), utc_text(one.time), f"{one.size:,}", _state(one), printable(one.key)
        )
    console = Console()
    console.print(table if found else "Nothing waits." if not set_aside else "Nothing was set aside.")
    return Exit.OK


def _held(onlooker: Onlooker, lane: Lane | None, *, set_aside: bool) -> Iterator[Held]:
    for one in Lane if lane is None else (lane,):
        yield from onlooker.held(one, set_aside=set_aside)


def _state(one: Held) -> str:
    if one.state.value:
        return one.state.name.lower()
    parts = [f"on its way to {', '.join(one.on_its_way_to)}"] if one.on_its_way_to else []
    parts += [f"{', '.join(one.had_by)} has it"] if one.had_by else []
    return printable("; ".join(parts) or "waits")


def doctor(config: Config, *, salvage: bool, as_json: bool) -> int:
    """Print what is wrong and what to do.

    Returns:
        `Exit.FAILED` where something is bad.
    """
    folder = Layout(config.gateway.data).outbox
    if salvage and not folder.is_dir():
        raise Refusal("outbox", str(folder), "is not there", "Run the gateway; it makes one.")
    with quiet_logs():
        if salvage:
            ask_for_salvage(folder)
        findings = examine(folder, outbox_settings(config))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        _print_findings(findings)
    return Exit.FAILED if any(finding.level is Level.BAD for finding in findings) else Exit.OK


def _print_findings(findings: list[Finding]) -> None:
    table = Table(box=box.SIMPLE)
    for name in ("", "what", "found", "what to do"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        mark = f"[{_COLOURS[finding.level]}]{finding.level}[/]"
        table.add_row(mark, finding.what, _escaped(finding.said), _escaped(finding.fix))
    Console().print(table)


def _escaped(text: str) -> str:
    return printable(text).replace("[", r"\[")
