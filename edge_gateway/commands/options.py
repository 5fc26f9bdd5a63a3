"""Options that several commands share, as typer reads them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Policy(StrEnum):
    """Security policies."""

    BEST = "best"
    BASIC256SHA256 = "Basic256Sha256"
    AES128 = "Aes128Sha256RsaOaep"
    AES256 = "Aes256Sha256RsaPss"


class Mode(StrEnum):
    """Security modes."""

    SIGN = "Sign"
    SIGN_AND_ENCRYPT = "SignAndEncrypt"


_SECURITY = "Security"

EndpointArgument = Annotated[
    str,
    typer.Argument(metavar="ENDPOINT", help="opc.tcp://HOST:PORT, or opc.tcp://HOST:PORT/PATH.", show_default=False),
]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        help="Folder of our certificate (identity/) and of trusted ones (trusted/).",
        rich_help_panel=_SECURITY,
        show_default="~/.config/sluicegate",
    ),
]
GatewayOption = Annotated[
    Path | None,
    typer.Option(
        "--gateway",
        metavar="GATEWAY.TOML",
        help="Be this gateway: its certificate, its trust folder. Instead of --folder.",
        rich_help_panel=_SECURITY,
        show_default=False,
    ),
]
TrustOption = Annotated[
    Path | None,
    typer.Option(
        "--trust",
        metavar="FOLDER",
        help="Trust folder, if it is another one.",
        rich_help_panel=_SECURITY,
        show_default=False,
    ),
]
PolicyOption = Annotated[
    Policy,
    typer.Option("--policy", help="Security policy; best = the strongest offered.", rich_help_panel=_SECURITY),
]
ModeOption = Annotated[Mode, typer.Option("--mode", help="Message security mode.", rich_help_panel=_SECURITY)]
InsecureOption = Annotated[
    bool,
    typer.Option(
        "--insecure",
        help="No security at all: everything is readable, any server is believed.",
        rich_help_panel=_SECURITY,
    ),
]
UserOption = Annotated[
    str | None,
    typer.Option("--user", help="User name; left out = anonymous.", rich_help_panel=_SECURITY, show_default=False),
]
PasswordOption = Annotated[
    Path | None,
    typer.Option(
        "--password-file", help="File that holds the password.", rich_help_panel=_SECURITY, show_default=False
    ),
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", help="Seconds for one request, 0.1 to 300.", min=0.1, max=300)
]
OptionalConfigArgument = Annotated[
    Path | None, typer.Argument(metavar="[GATEWAY.TOML]", help="With what it adds of its own.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable, on standard output.")]
ModbusArgument = Annotated[
    str,
    typer.Argument(
        metavar="ENDPOINT",
        help="modbus://HOST:PORT/UNIT, also modbus+udp, modbus+tls and modbus+rtu-over-tcp, or "
        "modbus+rtu:///dev/ttyUSB0 . Options as in the configuration: ?baudrate=9600&parity=N",
        show_default=False,
    ),
]
PauseOption = Annotated[float, typer.Option("--pause", help="ms kept free after every exchange.", min=0, max=60_000)]
FeaturesOption = Annotated[
    str | None, typer.Option("--features", metavar="SET", help="Feature set.", show_default="configured, or standard")
]
WindowOption = Annotated[
    str | None,
    typer.Option(
        "--window", metavar="10s", help="Length of a window.", show_default="configured, or 10s, or one sample"
    ),
]
EveryOption = Annotated[
    str | None,
    typer.Option("--every", metavar="2s", help="From one start to the next.", show_default="configured, or --window"),
]
BudgetOption = Annotated[
    float, typer.Option("--budget", help="False-alarm episodes a day that are acceptable.", min=0.001)
]
FollowOption = Annotated[
    bool, typer.Option("--follow/--no-follow", help="Let the suite follow slow drift of the plant.")
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="TAG=COLUMN",
        help="Of a table; repeat. time=COLUMN for the times.",
        show_default="all",
    ),
]
