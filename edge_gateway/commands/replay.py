"""`sluicegate replay`: a recording through the configured flow, and the alarms that came of it."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from cloud_sink.errors import CloudSinkError
from cloud_sink.records import Alert
from connectors.errors import ConnectorError
from connectors.pacing import Pace
from edge_gateway.claim import FolderRefused
from edge_gateway.commands.quiet import quiet_logs
from edge_gateway.commands.train import progress
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.exit_codes import Exit
from edge_gateway.flow_file import FlowRejected
from edge_gateway.processes.flow import FlowRaised
from edge_gateway.recordings import RecordingRefused
from edge_gateway.replay.folder import fresh_folder
from edge_gateway.replay.run import RECORDS, Replayed, load_replayed, replay
from edge_gateway.replay.source import open_recorded
from edge_gateway.signals import StopFlag
from edge_gateway.tables import tag_tables
from edge_gateway.times import span_text, utc_text
from models.errors import ModelError

REFUSED = (CloudSinkError, ConfigRejected, ConnectorError, FlowRejected, FolderRefused)
"""With `ModelError`, `OSError` and `RecordingRefused`: what must be corrected before a replay can be."""

_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class ReplayWish:
    """What `sluicegate replay` was asked for.

    Attributes:
        recording: File, or folder of a journal.
        gateway: Configuration.
        speed: Recorded seconds in a second; None = as fast as it goes.
        out: Where the outbox and the records go; None = nowhere, they are only told.
        asset: Whose samples a table holds.
    """

    recording: Path
    gateway: Path
    speed: float | None = None
    out: Path | None = None
    asset: str | None = None


def replay_command(wish: ReplayWish, *, as_json: bool) -> int:
    """`sluicegate replay`: see there.

    Returns:
        An `Exit` code.
    """
    stop = StopFlag()
    try:
        config = load_replayed(wish.gateway)
        recorded = open_recorded(wish.recording, tag_tables(config), wish.asset)
        with (
            _folder(wish.out, config.gateway.data) as folder,
            quiet_logs(),
            progress(Console(stderr=True)) as told,
        ):
            due = 0.0

            def tell(samples: int, at: int) -> None:
                nonlocal due
                if (now := time.monotonic()) >= due:
                    due = now + _EVERY_S
                    told(f"{samples:,} samples, at {utc_text(at)}")

            pace, keep = Pace(wish.speed), wish.out is not None
            done = replay(config, recorded, folder, pace=pace, stop=stop.is_set, told=tell, objects=keep)
            if wish.out is not None:
                (folder / "replay.json").write_text(json.dumps(facts(done), indent=2) + "\n", encoding="utf-8")
    except FlowRaised as error:
        typer.echo(f"{wish.gateway}: the dataflow raised: {error}", err=True)
        return Exit.FLOW
    except (*REFUSED, ModelError, OSError, RecordingRefused) as error:
        typer.echo(str(error), err=True)
        return Exit.CONFIG
    if stop.is_set():
        typer.echo("Ended before the recording did.", err=True)
    typer.echo(json.dumps(facts(done), indent=2) if as_json else _told(wish, done))
    return Exit.FAILED if stop.is_set() else Exit.OK


def facts(done: Replayed) -> dict[str, Any]:
    """For programs. Says nothing of this machine or of today: the same recording gives the same text."""
    return {
        "samples": done.samples,
        "first": done.first,
        "last": done.last,
        "records": dict(done.records),
        "left_out": list(done.left_out),
        "accounts": {
            one.asset: {
                "received": one.received,
                "placed": one.placed,
                "late": one.late,
                "dropped": dict(one.dropped),
            }
            for one in sorted(done.accounts, key=lambda one: one.asset)
        },
        "alerts": [alert_facts(alert) for alert in done.alerts],
    }


def alert_facts(alert: Alert) -> dict[str, Any]:
    """One transition of an alarm."""
    names = ("asset", "rule", "state", "severity", "tag", "opened_at", "at", "model", "detail")
    return {"id": alert.alert_id, **{name: getattr(alert, name) for name in names}}


@contextmanager
def _folder(out: Path | None, real: Path) -> Iterator[Path]:
    if out is not None:
        with fresh_folder(out, real) as folder:
            yield folder
        return
    with tempfile.TemporaryDirectory(prefix="sluicegate-replay-") as name:
        yield Path(name)


def _told(wish: ReplayWish, done: Replayed) -> str:
    counts = ", ".join(f"{count} {lane}" for lane, count in done.records.items())
    lines = [
        f"{wish.recording}: {done.samples:,} samples of {span_text(done.last - done.first)}; records: {counts}",
        *(f"left out: {words}" for words in done.left_out),
        *(f"{utc_text(one.at)}  {one.asset}  {one.rule}  {one.state}  {one.detail}" for one in done.alerts),
    ]
    late = sum(one.late for one in done.accounts)
    dropped = sum(count for one in done.accounts for _, count in one.dropped)
    if late or dropped:
        lines.append(f"late samples: {late:,}; dropped: {dropped:,}")
    if wish.out is not None:
        lines.append(f"Outbox in {wish.out}, {done.objects} files as a target would get them in {wish.out / RECORDS}.")
    return "\n".join(lines)
