"""`sluicegate record`, `replay` and `test` as typer reads them: parameters and nothing else, like `register.py`."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from edge_gateway.commands.options import JsonOption
from edge_gateway.commands.parsed import moment, span, speed

_RECORD = """Record raw values with status and both times, for replay, training and data frames.

From the journal of a gateway that runs or has stopped; with --for and none running, straight from the sources.
Ctrl-C finishes the file. Exit code 1 if not one sample came.

sluicegate record gateway.toml --out today.parquet

sluicegate record gateway.toml --out pump.parquet --from 2h --asset pump-1

sluicegate record gateway.toml --out next.parquet --for 10min
"""
_REPLAY = """Send a recording through the configured flow, into an outbox of its own: which alarms would have come?

The same recording gives the same records, byte for byte, at any speed. No device is asked, nothing is sent.

sluicegate replay today.parquet --gateway gateway.toml

sluicegate replay today.parquet --gateway new.toml --speed 60x --out var/replay
"""
_TEST = """Replay recorded input and compare the alarms with the expected ones. The same runs in pytest.

A case is a folder: recording.parquet or recording.csv, gateway.toml, expected.toml. Exit code 1 if one case fails, 2 if
one cannot be run. How to make one: record, or cut out with --from and --to, then --update, then read what was written.

sluicegate test cases/bearing_wear

sluicegate test cases --json

sluicegate test cases/bearing_wear --update
"""


def register_recordings(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help=_RECORD)(record)
    app.command(help=_REPLAY)(replay)
    app.command(name="test", help=_TEST)(run_cases)


def record(
    config: Annotated[Path, typer.Argument(metavar="GATEWAY.TOML", help="The configuration.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.parquet", help="File to write; replaced when whole.")],
    lasts: Annotated[
        timedelta | None,
        typer.Option("--for", parser=span, metavar="10min", help="Go on for so long from now.", show_default=False),
    ] = None,
    since: Annotated[
        int | None,
        typer.Option(
            "--from",
            parser=moment,
            metavar="TIME|AGO",
            help="What was received from then on: 2026-01-31T08:15:00Z, or 2h.",
            show_default="the oldest; with --for, now",
        ),
    ] = None,
    until: Annotated[
        int | None,
        typer.Option("--to", parser=moment, metavar="TIME|AGO", help="What was received before.", show_default=False),
    ] = None,
    asset: Annotated[list[str] | None, typer.Option(help="Repeat for several.", show_default="all")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG|ASSET/TAG", help="Repeat for several.", show_default="all")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """See `_RECORD`."""
    from connectors.selection import Selection
    from edge_gateway.commands.record import record_command
    from edge_gateway.record import RecordWish

    selection = Selection(since, until, frozenset(asset or ()), frozenset(tag or ()))
    raise typer.Exit(record_command(config, RecordWish(out, selection, lasts), as_json=as_json))


def replay(
    recording: Annotated[
        Path,
        typer.Argument(
            metavar="RECORDING",
            help="Of `record` (.parquet), a journal's folder, a table (.csv), Parquet of others.",
            show_default=False,
        ),
    ],
    gateway: Annotated[Path, typer.Option("--gateway", metavar="GATEWAY.TOML", help="Whose flow, rules and models.")],
    times: Annotated[
        float | None,
        typer.Option("--speed", parser=speed, metavar="60x|max", help="By received time.", show_default="max"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Keep outbox and records there; an earlier replay goes.", show_default="nowhere"
        ),
    ] = None,
    asset: Annotated[str | None, typer.Option(help="Whose samples a table holds.", show_default="the only one")] = None,
    as_json: JsonOption = False,
) -> None:
    """See `_REPLAY`."""
    from edge_gateway.commands.replay import ReplayWish, replay_command

    pace = None if times == math.inf else times
    raise typer.Exit(replay_command(ReplayWish(recording, gateway, pace, out, asset), as_json=as_json))


def run_cases(
    cases: Annotated[
        list[Path], typer.Argument(metavar="CASES...", help="Folders of cases, or above them.", show_default=False)
    ],
    update: Annotated[bool, typer.Option("--update", help="Write what came as what is expected.")] = False,
    as_json: JsonOption = False,
) -> None:
    """See `_TEST`."""
    from edge_gateway.commands.run_cases import run_cases as run

    raise typer.Exit(run(cases, update=update, as_json=as_json))
