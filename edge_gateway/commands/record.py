"""`sluicegate record`: raw values into a file, with progress, and what came out told."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console

from connectors.errors import ConnectorError
from edge_gateway.check import missing
from edge_gateway.commands.quiet import quiet_logs
from edge_gateway.commands.train import progress
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.exit_codes import Exit
from edge_gateway.record import RecordReport, RecordWish, record
from edge_gateway.recordings import RecordingRefused
from edge_gateway.signals import StopFlag
from edge_gateway.times import span_text

_EVERY_S = 0.2


def record_command(path: Path, wish: RecordWish, *, as_json: bool) -> int:
    """`sluicegate record`: see there.

    Returns:
        An `Exit` code: `FAILED` where not one sample came.
    """
    stop, due = StopFlag(), 0.0
    try:
        config = load(path)
        if wish.lasts is not None and (problems := list(missing(config))):
            raise ConfigRejected(path, problems)
        with quiet_logs(), progress(Console(stderr=True)) as told:

            def tell(report: RecordReport) -> None:
                nonlocal due
                if (now := time.monotonic()) >= due:
                    due = now + _EVERY_S
                    told(f"{report.samples:,} samples from the {report.origin}")

            report = record(config, wish, stop.is_set, tell)
    except (ConfigRejected, ConnectorError, OSError, RecordingRefused, ValueError) as error:
        typer.echo(str(error), err=True)
        return Exit.CONFIG
    typer.echo(json.dumps({"file": str(wish.out), **asdict(report)}, indent=2) if as_json else _told(wish, report))
    return Exit.OK if report.samples else Exit.FAILED


def _told(wish: RecordWish, report: RecordReport) -> str:
    if not report.samples:
        return f"{wish.out}: no sample came from the {report.origin}"
    assets = ", ".join(f"{name} {count:,}" for name, count in sorted(report.assets.items()))
    size = wish.out.stat().st_size
    span = span_text(report.last - report.first)
    lines = [
        f"{wish.out}: {report.samples:,} samples of {span} from the {report.origin}, {size:,} bytes",
        f"by asset: {assets}",
        *(f"lost before they could be recorded: {count:,} ({reason})" for reason, count in report.lost.items()),
    ]
    return "\n".join(lines)
