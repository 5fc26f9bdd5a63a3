"""`sluicegate outbox drain` and `export`: what waits is sent, or written to a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import structlog
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cloud_sink.errors import CloudSinkError
from cloud_sink.outbox.export import export
from cloud_sink.outbox.stat import read_stat
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings, Naming
from edge_gateway import __version__, logs
from edge_gateway.claim import FolderRefused, claim
from edge_gateway.commands.outbox_show import open_outbox
from edge_gateway.commands.refusal import Refusal
from edge_gateway.config.config import Config
from edge_gateway.config.targets import FileTargetSection
from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout
from edge_gateway.status import read_status


def drain(config: Config, to: Path | None, *, as_json: bool) -> int:
    """Send all that waits, also unfinished summary files, then say what became of it.

    Args:
        config: Of a gateway that does not deliver just now.
        to: Folder to deliver to instead of the configured targets; what lies there, verified, is forgotten here.
        as_json: For machines.

    Returns:
        `Exit.FAILED` where something was left.

    Raises:
        Refusal: The gateway delivers, or the outbox cannot be used.
    """
    from edge_gateway.processes.deliver import deliver  # noqa: PLC0415 - only needed here

    if to is not None:
        if not to.is_dir():
            raise Refusal("--to", str(to), "is not a folder", "Make it, or mount the medium.")
        config = config.model_copy(update={"target": (FileTargetSection(kind="file", name="drain", path=to),)})
    open_outbox(config).close()
    logs.set_up("drain")
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the table says it
    layout = Layout(config.gateway.data)
    before = read_stat(layout.outbox).backlog
    try:
        with claim(config.gateway.data, "deliver"):
            done = deliver(config, drain=True)
    except FolderRefused as refused:
        fix = "Stop the gateway first: while it runs it delivers by itself. `outbox export` works beside it."
        raise Refusal("outbox", str(layout.outbox), str(refused), fix, Exit.FAILED) from refused
    except CloudSinkError as error:
        fix = "`sluicegate outbox doctor` says more."
        raise Refusal("outbox", str(layout.outbox), str(error), fix, Exit.FAILED) from error
    after = read_stat(layout.outbox).backlog
    facts = {
        "sent": {lane.name.lower(): max(0, before[lane].count - after[lane].count) for lane in Lane},
        "left": {lane.name.lower(): after[lane].count for lane in Lane},
        "trouble": read_status(layout.status, "deliver").get("trouble", "") if done != Exit.OK else "",
    }
    _print_drained(facts, as_json=as_json)
    return done


def _print_drained(facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(facts))
        return
    table = Table(box=box.SIMPLE)
    table.add_column("records of")
    for name in ("sent", "left"):
        table.add_column(name, justify="right")
    for lane, sent in facts["sent"].items():
        table.add_row(lane, f"{sent:,}", f"{facts['left'][lane]:,}")
    console = Console()
    console.print(table)
    if facts["trouble"]:
        console.print(f"  stopped by: {facts['trouble']} (cloud_sink/README.md says what it means)")


def export_command(config: Config, to: Path, *, set_aside: bool, as_json: bool) -> int:
    """Write what waits to a folder, as the files that a target would get. Deletes nothing.

    Raises:
        Refusal: There is no outbox, or the folder does not take it.
    """
    if not to.is_dir():
        raise Refusal("--to", str(to), "is not a folder", "Make it, or mount the medium.")
    naming = Naming(config.gateway.site, config.gateway.name, __version__)
    batches = BatchSettings(summary_bucket=config.outbox.summary_file)
    try:
        with open_outbox(config) as onlooker:
            done = export(onlooker, to, naming, batches, set_aside=set_aside)
    except CloudSinkError as error:
        raise Refusal("--to", str(to), str(error), "Make room, or use another folder.", Exit.FAILED) from error
    if as_json:
        typer.echo(json.dumps({"files": done.keys, "records": done.records, "unreadable": done.unreadable}))
    else:
        typer.echo(f"{done.records:,} records in {len(done.keys):,} files below {to}")
        if done.unreadable:
            typer.echo(f"{done.unreadable:,} records could not be read: `sluicegate outbox doctor` says more", err=True)
    return Exit.FAILED if done.unreadable else Exit.OK
