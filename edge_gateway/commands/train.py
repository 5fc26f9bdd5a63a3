"""`sluicegate train`: from a recording to a bundle, with progress, and what came out told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from connectors.errors import ConnectorError
from edge_gateway.commands.as_json import report_json
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.exit_codes import Exit
from edge_gateway.flow_file import FlowRejected
from edge_gateway.recordings import RecordingRefused
from edge_gateway.training import TrainWish, WishedRows, wished_rows
from models.errors import ModelError

if TYPE_CHECKING:
    from models.training import TrainingReport


def train_command(wish: TrainWish, *, as_json: bool = False) -> int:
    """`sluicegate train`: see there.

    Returns:
        An `Exit` code.
    """
    console = Console(soft_wrap=True, stderr=as_json)  # progress must not stand among the JSON
    try:
        from models.detectors.catalogue import FOLLOW_ROWS  # noqa: PLC0415 - scikit-learn, only here
        from models.training import train  # noqa: PLC0415

        with progress(console) as told:
            wished = wished_rows(wish, told)
            out = wish.out or Path("models") / wished.assets[0]
            report = train(
                wished.rows,
                name=out.name,
                version=wish.version,
                out=out,
                detector=wish.detector,
                counter=int(time.time()),  # a version trained later is never taken for an older one
                budget_per_day=wish.budget_per_day,
                follow_rows=FOLLOW_ROWS if wish.follow else None,
                told=told,
            )
    except ModuleNotFoundError as error:
        typer.echo(f"{error}: training needs Sluicegate's [train] extra", err=True)
        return Exit.CONFIG
    except (ConfigRejected, ConnectorError, FlowRejected, ModelError, OSError, RecordingRefused) as error:
        typer.echo(str(error), err=True)
        return Exit.CONFIG
    if as_json:
        typer.echo(report_json(report, assets=wished.assets, left_out=wished.labels))
        return Exit.OK
    console.print(_told(report, wished), markup=False, highlight=False)
    return Exit.OK


@contextmanager
def progress(console: Console) -> Iterator[Callable[[str], None]]:
    """What is being done, and for how long; nothing where nobody looks."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda words: progress.update(task, description=words)


def _told(report: TrainingReport, wished: WishedRows) -> str:
    holdout, names = report.holdout, ", ".join(f'"{asset}"' for asset in wished.assets)
    lines = [
        f"{report.model}: {report.detector} ({report.why}), {report.rows} windows in {report.seconds:.1f} s; "
        f"reference and ONNX Runtime agree within {report.max_relative_difference:.0e}",
        f"hold-out: {holdout.rows} later windows, median score {holdout.median:.2f}, largest {holdout.largest:.2f}, "
        f"{holdout.above:.1%} above the threshold 1.0",
        *(
            f"left out: {name}, by its name a label and no measurement; --column says which columns are tags"
            for name in wished.labels
        ),
        *(f"warning: {warning}" for warning in report.warnings),
        f"\nWritten to {report.bundle}; what it is: {report.bundle / 'card.md'}.",
        f"Where versions follow one another: sluicegate model add {report.bundle}. Else add to gateway.toml:\n",
        f'[[model]]\nassets = [{names}]\nbundle = "{report.bundle.resolve()}"',
    ]
    return "\n".join(lines)
