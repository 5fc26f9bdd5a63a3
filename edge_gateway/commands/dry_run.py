"""`sluicegate run --dry-run`: what comes of the real sources, told as it comes, then summed up."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cloud_sink.errors import CloudSinkError
from cloud_sink.records import Alert, Event, Record, WindowSummary
from connectors.errors import ConnectorError
from edge_gateway import logs
from edge_gateway.check import load_checked
from edge_gateway.claim import FolderRefused, claim
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.replay import alert_facts
from edge_gateway.commands.show import printable, status_text
from edge_gateway.config.config import Config
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.dry_run import AssetSeen, DryGateway, dry_run
from edge_gateway.exit_codes import Exit
from edge_gateway.flow_file import FlowRejected
from edge_gateway.processes.flow import FlowRaised
from edge_gateway.signals import StopFlag
from models.errors import ModelError

HEAD = ("tag", "samples", "a second", "expected", "good", "last", "status")


class Teller:
    """Prints what happens; implements `Watcher`. Of windows only the first of each asset, for there are many."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent
        self._windowed: set[str] = set()

    def first_sample(self, seen: AssetSeen, number: int) -> None:
        """See `Watcher`."""
        tag = seen.table.tags[number]
        value = f"{seen.value[number]:.7g} {tag.unit}".strip()
        self._say(f"first sample  {seen.table.asset}/{tag.name}  {value}  {status_text(int(seen.code[number]))}")

    def record(self, record: Record) -> None:
        """See `Watcher`."""
        if isinstance(record, Alert):
            self._say(f"ALERT {record.state}  {record.asset}  {record.rule}  {record.severity}  {record.detail}")
        elif isinstance(record, Event):
            self._say(f"event  {record.asset}  {record.kind}  {record.reason}  {record.detail}")
        elif isinstance(record, WindowSummary) and record.asset not in self._windowed:
            self._windowed.add(record.asset)
            seconds = (record.end - record.start) / 1e9
            model = f", scored by {record.model}" if record.model else ""
            self._say(f"first window  {record.asset}, {seconds:g} s, {int(record.n.sum()):,} good samples{model}")

    def _say(self, text: str) -> None:
        if not self._silent:
            typer.echo(f"{time.strftime('%H:%M:%S')}  {printable(text)}")


def dry_run_command(path: Path, seconds: float, *, as_json: bool) -> int:
    """Look for a while and tell.

    Returns:
        An `Exit` code: FAILED if a tag had no good sample, FLOW if the dataflow raised.
    """
    stop = StopFlag()
    try:
        config = load_checked(path)
        _refuse_busy_lines(config)
        logs.set_up("dry-run")
        if not as_json:
            typer.echo(f"{path}: reading for {seconds:g} s; nothing is delivered; Ctrl-C sums up at once")
        with tempfile.TemporaryDirectory(prefix="sluicegate-dry-run-") as folder:
            began = time.monotonic()
            done = dry_run(config, Path(folder), seconds, stop.is_set, Teller(silent=as_json))
            lasted = time.monotonic() - began
    except FlowRaised as error:
        typer.echo(f"{path}: the dataflow raised: {error}", err=True)
        return Exit.FLOW
    except (
        CloudSinkError, ConfigRejected, ConnectorError, FlowRejected, ModelError, OSError, Refusal, ValueError
    ) as error:  # fmt: skip
        typer.echo(str(error), err=True)
        return Exit.CONFIG
    rows = [row for seen in done.seen.values() for row in tag_rows(seen)]
    if as_json:
        typer.echo(json.dumps(facts(done, rows, lasted), indent=2))
    else:
        _print(done, rows, lasted)
    return Exit.OK if all(row["good"] for row in rows) else Exit.FAILED


def _refuse_busy_lines(config: Config) -> None:
    """A serial line has one master: beside a running gateway both would get each other's replies.

    Raises:
        Refusal: The gateway runs and has one.
    """
    serial = [line.name for line in config.modbus if line.transport == "rtu"]
    if not serial or not config.gateway.data.is_dir():
        return
    try:
        with claim(config.gateway.data, "acquire"):
            return
    except FolderRefused as refused:
        rule = f"reads {', '.join(serial)}, and the gateway, which runs, is the master of that line"
        raise Refusal("--dry-run", None, rule, "Stop it first, or look at `sluicegate status`.") from refused


def tag_rows(seen: AssetSeen) -> Iterator[dict[str, Any]]:
    """What came of each tag, as plain values."""
    for number, tag in enumerate(seen.table.tags):
        samples, good = int(seen.samples[number]), int(seen.good[number])
        span = (int(seen.received[number]) - int(seen.first[number])) / 1e9
        value = float(seen.value[number])
        yield {
            "asset": seen.table.asset,
            "tag": tag.name,
            "unit": tag.unit,
            "samples": samples,
            "good": good,
            "per_second": round((samples - 1) / span, 3) if samples > 1 and span > 0 else None,
            "expected_per_second": round(1 / tag.interval_s, 3) if tag.interval_s else None,
            "value": value if math.isfinite(value) else None,
            "status": status_text(int(seen.code[number])),
            "source_time": int(seen.time[number]) or None,
        }


def facts(done: DryGateway, rows: list[dict[str, Any]], lasted: float) -> dict[str, Any]:
    """For programs."""
    return {
        "seconds": round(lasted, 3),
        "tags": rows,
        "windows": dict(done.windows_by_asset),
        "records": dict(done.records),
        "alerts": [alert_facts(alert) for alert in done.alerts_made],
        "events": [
            {name: getattr(event, name) for name in ("asset", "kind", "reason", "start", "end", "count", "detail")}
            for event in done.events_made
        ],
        "missing": [f"{row['asset']}/{row['tag']}" for row in rows if not row["good"]],
    }


def _print(done: DryGateway, rows: list[dict[str, Any]], lasted: float) -> None:
    cells = [_cells(row) for row in rows]
    if (console := Console()).is_terminal:
        table = Table(*HEAD, box=box.SIMPLE)
        for line in cells:
            table.add_row(*map(printable, line))
        console.print(table)
    else:
        for line in (HEAD, *cells):
            typer.echo("\t".join(map(printable, line)))
    windows = sum(done.windows_by_asset.values())
    opened = sum(alert.state == "opened" for alert in done.alerts_made)
    typer.echo(f"{lasted:.0f} s: {windows} windows of {len(done.windows_by_asset)} assets, {opened} alarms would open")
    for row in rows:
        if not row["good"]:
            why = "no good sample" if row["samples"] else "nothing came"
            typer.echo(f"missing: {row['asset']}/{row['tag']}: {why}; see `sluicegate check --connect`", err=True)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    def rate(value: float | None) -> str:
        return "" if value is None else f"{value:g}"

    good = f"{row['good'] / row['samples']:.0%}" if row["samples"] else ""
    last = "" if row["value"] is None else f"{row['value']:.7g} {row['unit']}".strip()
    name = f"{row['asset']}/{row['tag']}"
    samples = f"{row['samples']:,}"
    return name, samples, rate(row["per_second"]), rate(row["expected_per_second"]), good, last, row["status"]
