"""`sluicegate model import`: a model that was made elsewhere, calibrated on a recording, as a bundle."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from connectors.errors import ConnectorError
from edge_gateway.commands.as_json import report_json
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import printable
from edge_gateway.exit_codes import Exit
from edge_gateway.recordings import RecordingRefused
from edge_gateway.training import load_rows
from models.manifest import is_name

if TYPE_CHECKING:
    from models.feature_rows import FeatureRows
    from models.foreign.importing import ImportReport


@dataclass(frozen=True, slots=True)
class ImportWish:
    """What was asked for.

    Attributes:
        file: The .onnx file.
        recording: To calibrate on.
        assets: Of it; () = the only one there is.
        tags: That the model takes, in its order; () = all of the asset, in theirs.
        features: Name of the set; None = the configured one, or "standard".
        config: The gateway's, for tags, windows and features; None = those of the recording.
        window: Length; None = the configured one.
        every: From one start to the next; None = the configured one, or the length.
        columns: Of a CSV table: tag and column.
        name: Of the model; None = that of the file.
        version: Of the model.
        out: Folder of the bundle; None = "models/NAME".
        output: Of the model; None = the only one of floats.
        falls: Its score falls where a row is unusual.
        budget_per_day: False-alarm episodes that are acceptable.
        as_json: Machine-readable.
    """

    file: Path
    recording: Path
    assets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    features: str | None = None
    config: Path | None = None
    window: str | None = None
    every: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    version: str = "1"
    out: Path | None = None
    output: str | None = None
    falls: bool = False
    budget_per_day: float = 1.0
    as_json: bool = False


def import_command(wish: ImportWish) -> int:
    """Make the bundle and say what it is.

    Raises:
        Refusal: A name cannot be, or there is no such recording.
        ModelError: The model cannot be wrapped, or the recording cannot carry a limit.
    """
    try:
        from models.foreign.importing import import_model  # noqa: PLC0415 - onnx, only here
    except ModuleNotFoundError as error:
        raise Refusal("import", None, f"needs Sluicegate's [train] extra ({error})", "Install it.") from error
    name = wish.name or wish.file.stem
    if not is_name(name):
        rule = "is no name of a model: 1-64 letters, digits, '.', '_' or '-', first a letter or digit"
        raise Refusal("--name", f'"{name}"', rule, "Name it with --name.")
    try:
        rows = load_rows(
            wish.recording,
            *wish.assets,
            config=wish.config,
            features=wish.features,
            window=wish.window,
            every=wish.every,
            columns=wish.columns,
        )
        out = wish.out or Path("models") / name
        out.parent.mkdir(parents=True, exist_ok=True)
    except (ConnectorError, OSError, RecordingRefused) as error:
        raise Refusal("--calibrate", f'"{wish.recording}"', str(error).rstrip("."), "") from error
    rows = _of_tags(rows, wish.tags)
    report = import_model(
        wish.file,
        rows,
        name=name,
        version=wish.version,
        out=out,
        output=wish.output,
        falls=wish.falls,
        counter=int(time.time()),  # one that is imported later is never taken for an older one
        budget_per_day=wish.budget_per_day,
    )
    if wish.as_json:
        typer.echo(report_json(report, tags=rows.tags, features=rows.features))
    else:
        typer.echo("\n".join(map(printable, _told(report, rows))))
    return Exit.OK


def _of_tags(rows: FeatureRows, tags: tuple[str, ...]) -> FeatureRows:
    """Rows of the named tags, in that order."""
    if not tags:
        return rows
    for tag in tags:
        if tag not in rows.tags or tags.count(tag) > 1:
            rule = "is not there" if tag not in rows.tags else "is named twice"
            raise Refusal("--tag", f'"{tag}"', rule, f"Tags: {', '.join(rows.tags)}.")
    at = [rows.tags.index(tag) for tag in tags]
    return replace(rows, values=rows.values[:, at], tags=tags, units=tuple(rows.units[one] for one in at))


def _told(report: ImportReport, rows: FeatureRows) -> list[str]:
    kind = "the error of its reconstruction" if report.detector == "onnx-reconstruction" else "its own score"
    calls = "one row a call" if report.one_by_one else "all rows in one call"
    holdout = report.holdout
    return [
        f"{report.model}: judged by {kind}, {calls}; limit from {report.rows} windows in {report.seconds:.1f} s; model "
        f"and bundle agree within {report.max_relative_difference:.0e}",
        f"It is given {', '.join(rows.features)} of each of {', '.join(rows.tags)}, tag by tag; another order is "
        "another model: see --tag.",
        f"hold-out: {holdout.rows} later windows, median score {holdout.median:.2f}, largest {holdout.largest:.2f}, "
        f"{holdout.above:.1%} above the threshold 1.0",
        *(f"warning: {warning}" for warning in report.warnings),
        f"Written to {report.bundle}; what it is: {report.bundle / 'card.md'}.",
        f"Next: sluicegate model add {report.bundle}",
    ]
