"""The commands as typer reads them: parameters and nothing else. What they do is imported when they are called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_gateway.commands.options import (
    EndpointArgument,
    FolderOption,
    GatewayOption,
    InsecureOption,
    JsonOption,
    ModbusArgument,
    Mode,
    ModeOption,
    OptionalConfigArgument,
    PasswordOption,
    PauseOption,
    Policy,
    PolicyOption,
    TimeoutOption,
    TrustOption,
    UserOption,
)
from edge_gateway.commands.register_egress import egress
from edge_gateway.commands.register_fleet import fleet
from edge_gateway.commands.register_outbox import outbox
from edge_gateway.commands.register_query import compact, query
from edge_gateway.commands.register_resolve import resolve

if TYPE_CHECKING:
    from edge_gateway.commands.folders import Folders

cert = typer.Typer(no_args_is_help=True, help="Our own certificate, and which servers are trusted.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(browse)
    app.command()(resolve)
    app.command()(read)
    app.command()(plan)
    app.command()(features)
    app.command()(scan)
    app.command()(peek)
    app.command()(egress)
    app.add_typer(outbox, name="outbox")
    app.command()(query)
    app.command()(compact)
    app.command()(fleet)
    app.add_typer(cert, name="cert")


def browse(
    endpoint: EndpointArgument,
    glob: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these variables; may be repeated. 'flow*' = by name, 'Plant/*/flow' = by path, ** = any levels.",
            show_default=False,
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(metavar="TAGS.TOML", help=r"Write what was found as [\[opcua.tags]] blocks.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    start: Annotated[str, typer.Option(metavar="NODE", help="Where to begin; i=85 = Objects.")] = "i=85",
    depth: Annotated[int, typer.Option(help="Levels below the start, 1 to 100.", min=1, max=100)] = 12,
    limit: Annotated[int, typer.Option(help="Objects and variables, 1 to 1000000.", min=1, max=1_000_000)] = 10_000,
    timeout: TimeoutOption = 5,
    folder: FolderOption = None,
    gateway: GatewayOption = None,
    trust: TrustOption = None,
    policy: PolicyOption = Policy.BEST,
    mode: ModeOption = Mode.SIGN_AND_ENCRYPT,
    insecure: InsecureOption = False,
    user: UserOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Show what an OPC-UA server has: variables with type, access, range, value and status. Writes nothing to it.

    Example: sluicegate browse opc.tcp://plc:4840 --gateway gateway.toml --glob 'flow*' --write tags.toml
    """
    from edge_gateway.commands.access import Access, with_session
    from edge_gateway.commands.browse import Wish, browse_server

    folders = _folders(folder, gateway, trust)
    access = Access(endpoint, folders, policy.value, mode.value, insecure, user, password_file, timeout)
    wish = Wish(tuple(glob or ()), write, as_json, start, depth, limit)
    raise typer.Exit(with_session(access, lambda session: browse_server(session, wish), wish.check))


def read(
    endpoint: EndpointArgument,
    nodes: Annotated[
        list[str],
        typer.Argument(metavar="NODE...", help="nsu=<namespace uri>;s=<name> (or i=, g=, b=).", show_default=False),
    ],
    as_json: JsonOption = False,
    timeout: TimeoutOption = 5,
    folder: FolderOption = None,
    gateway: GatewayOption = None,
    trust: TrustOption = None,
    policy: PolicyOption = Policy.BEST,
    mode: ModeOption = Mode.SIGN_AND_ENCRYPT,
    insecure: InsecureOption = False,
    user: UserOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Read values of an OPC-UA server, with status and times. Exit code 1 if one of them is bad.

    Example: sluicegate read opc.tcp://plc:4840 --gateway gateway.toml 'nsu=urn:plant;s=flow'
    """
    from edge_gateway.commands.access import Access, with_session
    from edge_gateway.commands.read import check_nodes, read_nodes

    folders = _folders(folder, gateway, trust)
    access = Access(endpoint, folders, policy.value, mode.value, insecure, user, password_file, timeout)
    raise typer.Exit(
        with_session(access, lambda session: read_nodes(session, nodes, as_json=as_json), lambda: check_nodes(nodes))
    )


def plan(
    config: Annotated[Path, typer.Argument(metavar="GATEWAY.TOML", help="The configuration.", show_default=False)],
    baud: Annotated[
        int | None,
        typer.Option(
            help="Of the serial line, also behind a gateway, 300 to 4000000. Left out = a network.",
            min=300,
            max=4_000_000,
            show_default=False,
        ),
    ] = None,
    char_bits: Annotated[int, typer.Option(help="11 for 8E1, 8O1 and 8N2, 10 for 8N1.", min=10, max=11)] = 11,
    turnaround: Annotated[float, typer.Option(help="ms a serial device takes to reply.", min=0, max=10_000)] = 10,
    round_trip: Annotated[float, typer.Option(help="ms of an exchange on a network.", min=0.01, max=60_000)] = 5,
    as_json: JsonOption = False,
) -> None:
    """Show what a configuration will cost: requests, samples, share of the lines, MB a day, memory. Touches no device.

    Example: sluicegate plan gateway.toml --baud 19200
    """
    from datetime import timedelta

    from edge_gateway.commands.plan import Assumptions, plan_command

    times = timedelta(milliseconds=turnaround), timedelta(milliseconds=round_trip)
    raise typer.Exit(plan_command(config, Assumptions(baud, char_bits, *times), as_json=as_json))


def features(config: OptionalConfigArgument = None, as_json: JsonOption = False) -> None:
    """Show all features with unit, formula and source, and the sets. Touches no device.

    Example: sluicegate features gateway.toml
    """
    from edge_gateway.commands.features import features_command

    raise typer.Exit(features_command(config, as_json=as_json))


def scan(
    endpoint: ModbusArgument,
    units: Annotated[str, typer.Option(metavar="UNITS", help="For example 1-20, or 1,5,255.")] = "1-20",
    table: Annotated[
        list[str] | None,
        typer.Option(help="coil, discrete, input or holding; may be repeated.", show_default="all"),
    ] = None,
    last: Annotated[int, typer.Option(help="Highest address to look at.", min=0, max=65_535)] = 9_999,
    step: Annotated[int, typer.Option(help="Widest step over a hole; 1 misses nothing.", min=1, max=65_535)] = 256,
    limit: Annotated[int, typer.Option(help="Requests for each unit.", min=1, max=1_000_000)] = 400,
    pause: PauseOption = 50,
    timeout: TimeoutOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Find the units behind a Modbus endpoint and the addresses that can be read. Reads only, slowly.

    Example: sluicegate scan modbus://plc --units 1-20
    """
    from edge_gateway.commands.modbus_access import run_modbus
    from edge_gateway.commands.scan import ScanWish, scan_units

    wish = ScanWish.read(units, tuple(table or ()), last, step, limit, as_json=as_json)
    raise typer.Exit(run_modbus(endpoint, pause, timeout, wish, scan_units))


def peek(
    endpoint: ModbusArgument,
    addresses: Annotated[
        str, typer.Argument(metavar="TABLE:FIRST-LAST", help="For example holding:0-9.", show_default=False)
    ],
    show_all: Annotated[bool, typer.Option("--all", help="Also readings that are not plausible.")] = False,
    pause: PauseOption = 50,
    timeout: TimeoutOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Show Modbus registers as every kind and byte order, the plausible ones marked. Reads only.

    Example: sluicegate peek modbus://plc/1 holding:0-9
    """
    from edge_gateway.commands.modbus_access import run_modbus
    from edge_gateway.commands.peek import PeekWish, peek_registers

    raise typer.Exit(run_modbus(endpoint, pause, timeout, PeekWish.read(addresses, show_all, as_json), peek_registers))


@cert.command()
def init(
    folder: FolderOption = None,
    gateway: GatewayOption = None,
    host: Annotated[
        list[str] | None,
        typer.Option(help="DNS name or IP address of this machine; repeat for several.", show_default="its host name"),
    ] = None,
) -> None:
    """Make our own certificate and key. Existing ones are never replaced.

    Example: sluicegate cert init --gateway gateway.toml
    """
    from edge_gateway.commands.access import told
    from edge_gateway.commands.cert import make

    folders = _folders(folder, gateway, None)
    raise typer.Exit(told(lambda: make(folders, host or ()), folders))


@cert.command()
def show(folder: FolderOption = None, gateway: GatewayOption = None, as_json: JsonOption = False) -> None:
    """Show our own certificate: thumbprint, validity, URI, names. Servers must be taught to trust it.

    Example: sluicegate cert show --gateway gateway.toml
    """
    from edge_gateway.commands.access import told
    from edge_gateway.commands.cert import show_own

    folders = _folders(folder, gateway, None)
    raise typer.Exit(told(lambda: show_own(folders, as_json=as_json), folders))


@cert.command(name="list")
def list_(
    folder: FolderOption = None, gateway: GatewayOption = None, trust: TrustOption = None, as_json: JsonOption = False
) -> None:
    """List the certificates of servers that are trusted, and those that were refused.

    Example: sluicegate cert list --gateway gateway.toml
    """
    from edge_gateway.commands.access import told
    from edge_gateway.commands.cert import list_all

    folders = _folders(folder, gateway, trust)
    raise typer.Exit(told(lambda: list_all(folders, as_json=as_json), folders))


@cert.command(name="trust")
def trust_(
    which: Annotated[
        str,
        typer.Argument(
            metavar="THUMBPRINT|ENDPOINT",
            help="SHA-1 of a refused certificate (its first 8 digits will do), or the server that shows it now.",
            show_default=False,
        ),
    ],
    folder: FolderOption = None,
    gateway: GatewayOption = None,
    trust: TrustOption = None,
    timeout: TimeoutOption = 5,
) -> None:
    """Trust the certificate of a server. Compare its thumbprint with what the device itself shows.

    Example: sluicegate cert trust opc.tcp://plc:4840 --gateway gateway.toml
    """
    from edge_gateway.commands.access import told
    from edge_gateway.commands.cert import trust_one

    folders = _folders(folder, gateway, trust)
    raise typer.Exit(told(lambda: trust_one(which, folders, timeout), folders))


def _folders(folder: Path | None, gateway: Path | None, trust: Path | None) -> Folders:
    from edge_gateway.commands.folders import find_folders
    from edge_gateway.commands.refusal import Refusal

    try:
        return find_folders(folder, gateway, trust)
    except Refusal as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(refusal.exit_code) from refusal
