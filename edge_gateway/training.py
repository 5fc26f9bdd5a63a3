"""From a recording to a bundle, windowed and featurized by the very code the gateway runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer
from rich.console import Console

from connectors.errors import ConnectorError
from connectors.journal.reader import JournalReader
from connectors.samples import Item
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.exit_codes import Exit
from edge_gateway.flow_file import FlowRejected, load_features
from edge_gateway.tables import tag_tables
from flows.recorded import feature_rows
from flows.window_settings import WindowSettings
from models.errors import ModelError
from models.features import STANDARD, FeatureSet

if TYPE_CHECKING:
    from connectors.tags import TagTable
    from models.training import TrainingReport

MIN_COVERAGE = 0.5  # of a tag in a window; below it the model abstains rather than guesses


class RecordingRefused(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """There is nothing to train on, or not of these assets."""


def train_bundle(
    items: Iterable[Item],
    table: TagTable,
    windows: WindowSettings,
    out: Path,
    *,
    name: str,
    version: str,
    feature_set: FeatureSet = STANDARD,
) -> TrainingReport:
    """Fit, calibrate, prove and write a model of one kind of asset.

    Args:
        items: Normal operation, in order of arrival; several assets with the same tags may be mixed.
        table: Tags of one of them.
        windows: As the gateway will have them.
        out: Folder of the bundle; must not exist.
        name: Of the model.
        version: Of the model.
        feature_set: As the gateway will have it; one for waveforms leaves all other tags out.

    Raises:
        TrainingRefused: The recording cannot carry a model.
        RecordingRefused: The features are for waveforms, and there is none.
    """
    from models.training import train  # noqa: PLC0415 - scikit-learn, only here

    tags = tuple(tag for tag in table.tags if tag.waveform or not feature_set.waveform)
    if not tags:
        rule = f"feature set {feature_set.name} is for waveforms, and asset {table.asset} has none"
        raise RecordingRefused(f"{rule}: choose another set under [features], or set waveform_rate of a tag")
    names = tuple(tag.name for tag in tags)
    out.parent.mkdir(parents=True, exist_ok=True)
    rows, starts = feature_rows(items, windows, feature_set, names, feature_set.features, MIN_COVERAGE)
    order = np.argsort(starts, kind="stable")  # assets close their windows each in its own time
    return train(
        rows[order],
        tags=names,
        units=tuple(tag.unit for tag in tags),
        feature_set=feature_set,
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
    console = Console(soft_wrap=True)
    try:
        config = load(path)  # what it names need not be there: the bundle to be made is often named already
        tables = {table.asset: table for table in tag_tables(config)}
        _check_assets(assets, tables)
        with console.status(f"training on {recording} ..."):
            items = (item for item in recorded_items(recording) if item.asset in assets)
            table, windows = tables[assets[0]], config.windows.settings()
            if not isinstance(windows, WindowSettings):
                told = f"{path}: a model is trained on windows of a fixed length"
                raise RecordingRefused(f"{told}, which {config.windows.told()} do not have")
            features = load_features(config.features)
            report = train_bundle(items, table, windows, out, name=out.name, version=version, feature_set=features)
    except ModuleNotFoundError as error:
        typer.echo(f"{error}: training needs Sluicegate's [train] extra", err=True)
        return Exit.CONFIG
    except (ConfigRejected, ConnectorError, FlowRejected, ModelError, OSError, RecordingRefused) as error:
        typer.echo(str(error), err=True)
        return Exit.CONFIG
    console.print(_told(report, assets), markup=False, highlight=False)
    return Exit.OK


def recorded_items(recording: Path) -> Iterator[Item]:
    """What a recording or a journal holds, in order of arrival. Does not disturb a gateway that is running.

    Args:
        recording: A Parquet file, or the folder of a journal: `data/journal`.

    Raises:
        RecordingRefused: It is neither.
        ConnectorError: The journal is of newer software.
        OSError: It cannot be read.
    """
    if recording.is_dir():
        yield from _journal_items(recording)
        return
    from connectors.recording import read_recording  # noqa: PLC0415 - pyarrow

    try:
        yield from read_recording(recording)
    except ValueError as error:  # pyarrow's own are of this kind, too
        raise RecordingRefused(f"--from {recording}: is no recording: {error}") from error


def _journal_items(folder: Path) -> Iterator[Item]:
    reader = JournalReader(folder, 0)
    found = False
    try:
        while items := reader.read():
            found = True
            yield from items
    finally:
        reader.close()
    if not found:
        raise RecordingRefused(f"--from {folder}: holds no journal; a gateway's is in the folder journal of its data")


def _check_assets(assets: Sequence[str], tables: Mapping[str, TagTable]) -> None:
    for asset in assets:
        if asset not in tables:
            raise RecordingRefused(f"--asset {asset}: not in the configuration; it has {', '.join(tables)}")
        missing = [tag for tag in tables[assets[0]].names if tag not in tables[asset].names]
        if missing:
            raise RecordingRefused(
                f"--asset {asset}: is of another kind than {assets[0]}, it lacks {', '.join(missing)}"
            )


def _told(report: TrainingReport, assets: Sequence[str]) -> str:
    holdout, names = report.holdout, ", ".join(f'"{asset}"' for asset in assets)
    lines = [
        f"{report.model}: {report.rows} windows in {report.seconds:.1f} s; scikit-learn and ONNX Runtime agree "
        f"within {report.max_relative_difference:.0e}",
        f"hold-out: {holdout.rows} later windows, median score {holdout.median:.2f}, largest {holdout.largest:.2f}, "
        f"{holdout.above:.1%} above the threshold 1.0",
        *(f"warning: {warning}" for warning in report.warnings),
        f"\nWritten to {report.bundle}; what it is: {report.bundle / 'card.md'}. To use it:\n",
        f'[[model]]\nassets = [{names}]\nbundle = "{report.bundle.resolve()}"',
    ]
    return "\n".join(lines)
