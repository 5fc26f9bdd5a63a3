"""From a recording to a bundle, windowed and featurized by the very code the gateway runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer
from rich.console import Console

from connectors.samples import Item
from edge_gateway.check import load_checked
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.exit_codes import Exit
from edge_gateway.tables import tag_tables
from flows.recorded import feature_rows
from flows.window_settings import WindowSettings
from models.errors import ModelError
from models.features import STANDARD

if TYPE_CHECKING:
    from connectors.tags import TagTable
    from models.training import TrainingReport

MIN_COVERAGE = 0.5  # of a tag in a window; below it the model abstains rather than guesses


def train_bundle(
    items: Iterable[Item],
    table: TagTable,
    windows: WindowSettings,
    out: Path,
    *,
    name: str,
    version: str,
) -> TrainingReport:
    """Fit, calibrate, prove and write a model of one kind of asset.

    Args:
        items: Normal operation, in order of arrival; several assets with the same tags may be mixed.
        table: Tags of one of them.
        windows: As the gateway will have them.
        out: Folder of the bundle; must not exist.
        name: Of the model.
        version: Of the model.

    Raises:
        TrainingRefused: The recording cannot carry a model.
    """
    from models.training import train  # noqa: PLC0415 - scikit-learn, only here

    out.parent.mkdir(parents=True, exist_ok=True)
    rows, starts = feature_rows(items, windows, STANDARD, table.names, STANDARD.features, MIN_COVERAGE)
    order = np.argsort(starts, kind="stable")  # assets close their windows each in its own time
    return train(
        rows[order],
        tags=table.names,
        units=tuple(tag.unit for tag in table.tags),
        feature_set=STANDARD,
        window_length_ns=windows.length_ns,
        window_every_ns=windows.every_ns,
        starts=starts[order],
        min_coverage=MIN_COVERAGE,
        name=name,
        version=version,
        out=out,
    )


def train_command(path: Path, recording: Path, assets: Sequence[str], out: Path, version: str) -> int:
    """`sluicegate train`: see there.

    Returns:
        An `Exit` code.
    """
    from connectors.recording import read_recording  # noqa: PLC0415 - pyarrow

    console = Console()
    try:
        config = load_checked(path)
        tables = {table.asset: table for table in tag_tables(config)}
        unknown = [asset for asset in assets if asset not in tables]
        if unknown:
            typer.echo(f"--asset {unknown[0]}: not in {path}; it has {', '.join(tables)}", err=True)
            return Exit.CONFIG
        section = config.windows
        windows = WindowSettings(section.length, section.every, section.lateness, section.allowed_skew)
        with console.status(f"training on {recording} ..."):
            items = (item for item in read_recording(recording) if item.asset in assets)
            report = train_bundle(items, tables[assets[0]], windows, out, name=out.name, version=version)
    except (ConfigRejected, ModelError, OSError) as error:
        typer.echo(str(error), err=True)
        return Exit.CONFIG
    console.print(report)
    return Exit.OK
