"""`sluicegate fleet` as typer reads it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from edge_gateway.commands.options import JsonOption


def _duration(text: str) -> timedelta:
    from flows.durations import duration

    try:
        return duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def fleet(
    place: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="PLACE",
            help="Where gateways deliver to: a folder, or s3://bucket/prefix; gs:// and abfs:// too.",
            show_default=False,
        ),
    ],
    since: Annotated[
        timedelta,
        typer.Option(
            parser=_duration, metavar="DURATION", show_default="7d", help="How far to look back for gateways: 24h, 30d."
        ),
    ] = timedelta(days=7),
    missing: Annotated[
        timedelta,
        typer.Option(
            "--missing-after",
            parser=_duration,
            metavar="DURATION",
            show_default="3h",
            help="Not heard for so long, a gateway is missing. They report once an hour.",
        ),
    ] = timedelta(hours=3),
    site: Annotated[str | None, typer.Option(help="Site to look at.", show_default="all")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how all gateways are, worst first. Exit code 1 if one is missing, or two have one name.

    Example: sluicegate fleet --from s3://plant-data
    """
    from edge_gateway.commands.fleet import fleet_command

    raise typer.Exit(fleet_command(place, since, missing, site, as_json=as_json))
