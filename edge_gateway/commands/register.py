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
    Mode,
    ModeOption,
    PasswordOption,
    Policy,
    PolicyOption,
    TimeoutOption,
    TrustOption,
    UserOption,
)

if TYPE_CHECKING:
    from edge_gateway.commands.folders import Folders

cert = typer.Typer(no_args_is_help=True, help="Our own certificate, and which servers are trusted.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(browse)
    app.command()(read)
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
        typer.Option(metavar="TAGS.TOML", help="Write what was found as [[opcua.tags]] blocks.", show_default=False),
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
    """Show what an OPC-UA server has: variables with type, access, range, value and status. Writes nothing to it."""
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
    """Read values of an OPC-UA server, with status and times. Exit code 1 if one of them is bad."""
    from edge_gateway.commands.access import Access, with_session
    from edge_gateway.commands.read import check_nodes, read_nodes

    folders = _folders(folder, gateway, trust)
    access = Access(endpoint, folders, policy.value, mode.value, insecure, user, password_file, timeout)
    raise typer.Exit(
        with_session(access, lambda session: read_nodes(session, nodes, as_json=as_json), lambda: check_nodes(nodes))
    )


@cert.command()
def init(
    folder: FolderOption = None,
    gateway: GatewayOption = None,
    host: Annotated[
        list[str] | None,
        typer.Option(help="DNS name or IP address of this machine; repeat for several.", show_default="its host name"),
    ] = None,
) -> None:
    """Make our own certificate and key. Existing ones are never replaced."""
    from edge_gateway.commands.access import told
    from edge_gateway.commands.cert import make

    folders = _folders(folder, gateway, None)
    raise typer.Exit(told(lambda: make(folders, host or ()), folders))


@cert.command()
def show(folder: FolderOption = None, gateway: GatewayOption = None, as_json: JsonOption = False) -> None:
    """Show our own certificate: thumbprint, validity, URI, names. Servers must be taught to trust it."""
    from edge_gateway.commands.access import told
    from edge_gateway.commands.cert import show_own

    folders = _folders(folder, gateway, None)
    raise typer.Exit(told(lambda: show_own(folders, as_json=as_json), folders))


@cert.command(name="list")
def list_(
    folder: FolderOption = None, gateway: GatewayOption = None, trust: TrustOption = None, as_json: JsonOption = False
) -> None:
    """List the certificates of servers that are trusted, and those that were refused."""
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
    """Trust the certificate of a server. Compare its thumbprint with what the device itself shows."""
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
