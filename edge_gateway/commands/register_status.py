"""`sluicegate status`, `top` and `doctor` as typer reads them: parameters and nothing else, like `register.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_gateway.commands.options import JsonOption

ConfigArgument = Annotated[Path, typer.Argument(metavar="[GATEWAY.TOML]", help="The configuration.")]


def register_status(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(top)
    app.command()(doctor)


def status(config: ConfigArgument = Path("gateway.toml"), as_json: JsonOption = False) -> None:
    """Show a gateway at a glance: processes, links, what waits, models, and every tag with value, age and rate.

    What is wrong comes first. Reads files only, also of a gateway that is stopped. Exit code 1 when something is wrong:
    it does not run, a process hangs, a link or a target is out of reach, a tag is bad, silent or too slow.

    Example: sluicegate status gateway.toml

    Example: sluicegate status gateway.toml --json
    """
    from edge_gateway.commands.status import status_command

    raise typer.Exit(status_command(config, as_json=as_json))


def top(config: ConfigArgument = Path("gateway.toml")) -> None:
    """Show the same as `status`, all the time, until Ctrl-C. Needs no keys, and no more than a terminal over ssh.

    Example: sluicegate top gateway.toml
    """
    from edge_gateway.commands.status import top_command

    raise typer.Exit(top_command(config))


def doctor(
    config: ConfigArgument = Path("gateway.toml"),
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.tar.gz", help="Must not exist.", show_default="named after gateway and time"),
    ] = None,
    log: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A log to take along; repeat for several.", show_default="systemd's"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write one bundle for support: configuration without secrets, versions, statuses, logs, disk, clock, limits.

    Lists what is in it before it is written. Files that hold secrets are never opened; values of variables that the
    configuration refers to are replaced by their names. Works while the gateway runs, when it is stopped, and with a
    configuration that is refused. Nothing is sent anywhere.

    Example: sluicegate doctor gateway.toml

    Example: sluicegate doctor gateway.toml --out bundle.tar.gz --log /var/log/sluicegate.log
    """
    from edge_gateway.commands.doctor import doctor_command

    raise typer.Exit(doctor_command(config, out, log or (), as_json=as_json))
