"""`python -m connectors.simulator`: the plant in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from connectors.simulator.faults import TRAITS, parse_schedule
from connectors.simulator.plant import PlantSettings, run_plant


def main(arguments: list[str] | None = None) -> int:
    """Run the plant; returns the exit status: 0 after a stop that was asked for, 1 when it could not be served."""
    parser = argparse.ArgumentParser(
        prog="python -m connectors.simulator",
        description="A simulated pump station on real OPC-UA and Modbus TCP, on loopback. "
        "Commands on standard input: inject NAME [ASSET], clear, quit.",
        epilog="faults: " + "; ".join(f"{fault}: {traits.meaning}" for fault, traits in TRAITS.items()),
    )
    parser.add_argument("--opcua-port", type=int, default=0, help="0 = any free one")
    parser.add_argument("--modbus-port", type=int, default=0, help="0 = any free one")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random")
    parser.add_argument("--folder", type=Path, help="for the server's certificate; left out = a temporary one")
    parser.add_argument("--insecure", action="store_true", help="also offer OPC-UA without security")
    parser.add_argument("--serve", action="store_true", help="go on when standard input ends")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME@SECONDS[@ASSET]", help="begin a fault by itself"
    )
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sluicegate-plant-") as temporary:
        try:
            settings = PlantSettings(
                folder=given.folder or Path(temporary),
                opcua_port=given.opcua_port,
                modbus_port=given.modbus_port,
                seed=given.seed,
                insecure=given.insecure,
                serve=given.serve,
                faults=tuple(parse_schedule(text) for text in given.fault),
            )
        except ValueError as error:
            parser.error(str(error))
        try:
            asyncio.run(run_plant(settings))
        except (OSError, RuntimeError) as error:
            sys.stderr.write(f"the plant cannot be served: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
