"""`sluicegate evaluate`: judge a model, or a detector by its name, on recordings whose faults are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer
from rich.console import Console

from connectors.errors import ConnectorError
from edge_gateway.commands.train import progress
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.evaluation.show import as_json, explained, shown
from edge_gateway.exit_codes import Exit
from edge_gateway.flow_file import FlowRejected
from edge_gateway.recordings import RecordingRefused
from models.errors import ModelError
from models.evaluate.tables import Table

PROTOCOLS = ("skab", "nab", "tep", "fccu")

Told = Callable[[str], None]


def evaluate_command(judge: Callable[[Told], list[Table]], *, json: bool, explain: bool) -> int:
    """Judge and print.

    Args:
        judge: Makes the tables; is told what to say of what is being done.
        json: For programs.
        explain: With the definition and the source of every figure.

    Returns:
        An `Exit` code.
    """
    console = Console(soft_wrap=True)
    try:
        with progress(Console(stderr=True)) as told:
            tables = judge(told)
    except ModuleNotFoundError as error:
        typer.echo(f"{error}: evaluating a detector needs Sluicegate's [train] extra", err=True)
        return Exit.CONFIG
    except (ConfigRejected, ConnectorError, FlowRejected, ModelError, OSError, RecordingRefused) as error:
        typer.echo(str(error), err=True)
        return Exit.CONFIG
    if json:
        typer.echo(as_json(tables))
        return Exit.OK
    shown(tables, console)
    if explain:
        explained(tables, console)
    return Exit.OK


def explain_command() -> int:
    """Print what every figure means, without judging anything."""
    explained([], Console())
    return Exit.OK


def protocol_tables(name: str, folder: Path, told: Told) -> list[Table]:
    """The tables of a public board, on its own recordings.

    Raises:
        RecordingRefused: The folder does not hold them.
    """
    from models.evaluate.protocols import changes, nab, process, skab  # noqa: PLC0415 - scikit-learn, only here
    from models.evaluate.protocols.files import FolderRefused  # noqa: PLC0415

    def progress(what: str, done: int, of: int) -> None:
        told(f"{what} {done} of {of}")

    makers: dict[str, Callable[[], list[Table]]] = {
        "skab": lambda: [*skab.tables(folder, progress), *changes.tables(folder)],
        "nab": lambda: nab.tables(folder, progress),
        "tep": lambda: process.tennessee_tables(folder),
        "fccu": lambda: process.fccu_tables(folder),
    }
    if name not in makers:
        raise RecordingRefused(f"--protocol {name}: must be one of {', '.join(PROTOCOLS)}")
    told(f"judge {folder} by the protocol {name}")
    try:
        return makers[name]()
    except FolderRefused as refused:
        raise RecordingRefused(str(refused)) from refused
