"""`sluicegate health` as typer reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_gateway.commands.options import JsonOption


def register_health(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(health)


def health(
    config: Annotated[Path, typer.Argument(metavar="[GATEWAY.TOML]", help="The configuration.")] = Path("gateway.toml"),
    ready: Annotated[bool, typer.Option("--ready", help="Ask whether all that is configured is done.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Tell whether a running gateway is healthy, or ready: exit code 0, or 1 and why. Asks no network; for probes.

    Example: sluicegate health gateway.toml --ready
    """
    from edge_gateway.commands.health import health_command

    raise typer.Exit(health_command(config, ready=ready, as_json=as_json))
