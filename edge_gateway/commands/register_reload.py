"""The command `reload` as typer reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_gateway.commands.options import JsonOption


def register_reload(app: typer.Typer) -> None:
    """Add it."""
    app.command(name="reload")(reload_)


def reload_(
    config: Annotated[Path, typer.Argument(metavar="GATEWAY.TOML", help="The configuration.", show_default=False)],
    data: Annotated[
        Path | None, typer.Option(help="Data folder of the gateway that runs.", show_default="as the file says")
    ] = None,
    timeout: Annotated[float, typer.Option(help="s to wait for an answer.", min=1, max=600)] = 120,
    as_json: JsonOption = False,
) -> None:
    """Let a running gateway take over its changed configuration. What is wrong with it is told, and nothing changes.

    Example: sluicegate reload gateway.toml
    """
    from edge_gateway.commands.reload import reload_command

    raise typer.Exit(reload_command(config, data, timeout, as_json=as_json))
