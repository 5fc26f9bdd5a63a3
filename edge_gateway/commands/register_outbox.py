"""`sluicegate outbox` as typer reads it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_gateway.commands.options import JsonOption

if TYPE_CHECKING:
    from edge_gateway.config.config import Config

outbox = typer.Typer(
    no_args_is_help=True,
    help="What waits to be delivered: how much, which, in what state the file is. Works beside a running gateway, but "
    "for `drain`; run it as the gateway's user.",
)

ConfigArgument = Annotated[Path, typer.Argument(metavar="[GATEWAY.TOML]", help="The configuration.")]
_DEFAULT = Path("gateway.toml")


class Kind(StrEnum):
    """Lanes as people name them."""

    ALERTS = "alerts"
    EVENTS = "events"
    SUMMARIES = "summaries"


def _done(path: Path, work: Callable[[Config], int]) -> typer.Exit:
    from edge_gateway.cluster import here
    from edge_gateway.commands.alert_history import answered
    from edge_gateway.config.load import load
    from edge_gateway.config.problems import ConfigRejected
    from edge_gateway.exit_codes import Exit

    try:
        config = load(path)
    except ConfigRejected as rejected:
        typer.echo(str(rejected), err=True)
        return typer.Exit(Exit.CONFIG)
    return typer.Exit(answered(lambda: work(here(config))))


@outbox.command()
def stat(config: ConfigArgument = _DEFAULT, as_json: JsonOption = False) -> None:
    """Show how much waits, since when, for whom, and what was lost.

    Example: sluicegate outbox stat
    """
    from edge_gateway.commands.outbox_show import show_stat

    raise _done(config, lambda loaded: show_stat(loaded, as_json=as_json))


@outbox.command(name="ls")
def list_(
    config: ConfigArgument = _DEFAULT,
    kind: Annotated[Kind | None, typer.Option(help="Only these.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(help="Most records.", min=1)] = 50,
    set_aside: Annotated[bool, typer.Option("--set-aside", help="What cannot be delivered, instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List records that wait, in the order in which they would leave.

    Example: sluicegate outbox ls --kind alerts
    """
    from cloud_sink.records import Lane
    from edge_gateway.commands.outbox_show import list_records

    lane = None if kind is None else Lane(list(Kind).index(kind))
    raise _done(config, lambda loaded: list_records(loaded, lane, limit, set_aside=set_aside, as_json=as_json))


@outbox.command()
def drain(
    config: ConfigArgument = _DEFAULT,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Deliver to this folder instead, a USB medium for example; what lies there is forgotten here.",
            show_default="the configured targets",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send all that waits, then end: before a service, or for an hour with a link. The gateway must be stopped.

    Example: sluicegate outbox drain --to /mnt/stick
    """
    from edge_gateway.commands.outbox_work import drain as work

    raise _done(config, lambda loaded: work(loaded, to, as_json=as_json))


@outbox.command()
def doctor(
    config: ConfigArgument = _DEFAULT,
    salvage: Annotated[
        bool,
        typer.Option(
            "--salvage", help="Have the file made anew from what is intact: at the next start, or now if it runs."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the file, every checksum in it and the disk; say what is wrong and what to do. Exit code 1 if it is bad.

    Example: sluicegate outbox doctor
    """
    from edge_gateway.commands.outbox_show import doctor as work

    raise _done(config, lambda loaded: work(loaded, salvage=salvage, as_json=as_json))


@outbox.command()
def export(
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to; must exist.", show_default=False)],
    config: ConfigArgument = _DEFAULT,
    set_aside: Annotated[bool, typer.Option("--set-aside", help="What cannot be delivered, instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write what waits to a folder, Parquet and JSON lines as a target would get them. Deletes nothing.

    Example: sluicegate outbox export --to /mnt
    """
    from edge_gateway.commands.outbox_work import export_command

    raise _done(config, lambda loaded: export_command(loaded, to, set_aside=set_aside, as_json=as_json))
