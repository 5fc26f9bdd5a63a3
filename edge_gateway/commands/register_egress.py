"""`sluicegate egress` as typer reads it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from edge_gateway.commands.options import JsonOption
from edge_gateway.commands.parsed import span


def egress(
    config: Annotated[Path, typer.Argument(metavar="[GATEWAY.TOML]", help="The configuration.")] = Path("gateway.toml"),
    since: Annotated[
        timedelta,
        typer.Option(parser=span, metavar="DURATION", show_default="24h", help="How far to look back: 15min, 24h, 7d."),
    ] = timedelta(hours=24),
    every: Annotated[bool, typer.Option("--every", help="Each object and attempt instead of sums.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what left the site: every byte that was handed to the network, by target and kind of record.

    Example: sluicegate egress --since 24h
    """
    from edge_gateway.commands.egress import egress_command

    raise typer.Exit(egress_command(config, since, every=every, as_json=as_json))
