"""`init` and `simulate` as typer reads them: parameters and nothing else. What they do is imported when called."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edge_gateway.commands.options import JsonOption


class Template(StrEnum):
    """Plants that can be simulated; `connectors/simulator/scenery.py` serves them."""

    PUMP = "pump"
    PRESS = "press"
    METERS = "meters"


PortOption = Annotated[
    int, typer.Option(help="Port of the simulated OPC-UA server; Modbus has the next one.", min=1024, max=65_534)
]
_PORT = 48_400  # as `commands.init.DEFAULT_PORT`


def register_start(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(simulate)


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where to write; made if absent.", show_default="here")
    ] = Path(),
    template: Annotated[Template, typer.Option(help="What kind of plant.")] = Template.PUMP,
    port: PortOption = _PORT,
    as_json: JsonOption = False,
) -> None:
    """Write a gateway.toml that runs as it is against a simulated plant, and say what to do next.

    Nothing is ever overwritten. pump: two pumps and a tank over OPC-UA and Modbus. press: a stamping press over OPC-UA
    with its force as a waveform. meters: three energy meters over Modbus with a register map.

    Example: sluicegate init --template meters my-site
    """
    from edge_gateway.commands.init import InitWish
    from edge_gateway.commands.init import init as write

    raise typer.Exit(write(InitWish(template.value, folder, port, as_json)))


def simulate(
    template: Annotated[Template, typer.Argument(help="What kind of plant.", show_default=False)],
    port: PortOption = _PORT,
    seed: Annotated[int, typer.Option(help="Of all that is random.", min=0)] = 1,
    folder: Annotated[Path, typer.Option(help="Of the OPC-UA server's certificate; made if absent.")] = Path(
        "simulator"
    ),
    insecure: Annotated[bool, typer.Option("--insecure", help="Also offer OPC-UA without security.")] = False,
) -> None:
    """Serve a simulated plant on this machine for any OPC-UA or Modbus client, until Ctrl-C.

    One JSON line tells where the servers are. Lines of input: `inject FAULT [ASSET]`, `clear`, `quit`.

    Example: sluicegate simulate pump
    """
    from edge_gateway.commands.simulate import simulate as serve

    raise typer.Exit(serve(template.value, port, seed, folder, insecure=insecure))
