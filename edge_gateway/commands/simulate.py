"""`sluicegate simulate`: a plant on loopback, for the gateway that `init` writes or for any client."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import typer

from connectors.simulator.scenery import SCENERIES
from edge_gateway.commands.init import ports
from edge_gateway.commands.refusal import Refusal
from edge_gateway.exit_codes import Exit


def simulate(name: str, port: int, seed: int, folder: Path, *, insecure: bool) -> int:
    """Serve until Ctrl-C or SIGTERM. One JSON line on standard output when the servers answer.

    Args:
        name: Of a scenery.
        port: First of the two ports, see `ports`; 0 = any free ones.
        seed: Of all that is random.
        folder: Of the OPC-UA server's certificate; made where it is not there.
        insecure: Also offer OPC-UA without security.
    """
    try:
        from connectors.simulator.plant import PlantSettings, run_plant  # noqa: PLC0415 - an extra may be missing
    except ImportError as error:
        fix = 'pip install "sluicegate[simulator]"'
        typer.echo(str(Refusal("simulate", None, f"needs {error.name}, which is not installed", fix)), err=True)
        return Exit.CONFIG
    opcua, modbus = ports(port) if port else (0, 0)
    scenery = SCENERIES[name]
    settings = PlantSettings(folder, opcua, modbus, seed, insecure, serve=True, scenery=scenery)
    if sys.stdin.isatty():
        faults = " Type `inject bearing_wear`, `clear` or `quit`." if name == "pump" else ""
        typer.echo(f"{scenery.meaning}; Ctrl-C ends it.{faults}", err=True)
    try:
        asyncio.run(run_plant(settings))
    except (OSError, RuntimeError) as error:
        fix = "Is it running already? Else give another --port, here and to `sluicegate init`."
        typer.echo(str(Refusal("simulate", name, f"cannot be served: {error}", fix)), err=True)
        return Exit.CONFIG
    return Exit.OK
