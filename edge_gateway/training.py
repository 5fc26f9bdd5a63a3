"""From a recording to a bundle, windowed and featurized by the very code the gateway runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.samples import Item, SampleBatch
from connectors.tags import TagTable
from edge_gateway.config.load import load
from edge_gateway.flow_file import load_features
from edge_gateway.recordings import NEVER_TAGS, Recording, RecordingRefused, open_recording
from edge_gateway.tables import tag_tables
from flows.recorded import recorded_rows
from flows.window_settings import WindowSettings
from models.feature_rows import FeatureRows
from models.features import SETS, STANDARD, FeatureSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_gateway.config.config import Config
    from models.training import TrainingReport

MIN_COVERAGE = 0.5  # of a tag in a window; below it the model abstains rather than guesses
WINDOW_S = 10
WINDOW = f"{WINDOW_S}s"  # where neither a configuration nor the command says, and tags are sampled more often


@dataclass(frozen=True, slots=True)
class TrainWish:
    """What `sluicegate train` was asked for.

    Attributes:
        recording: Where the samples are.
        assets: To learn from; several of one kind may be mixed. () = the only one there is.
        config: The gateway's, for tags, windows and features; None = those of the recording.
        out: Folder of the bundle; None = "models/ASSET".
        version: Of the model.
        detector: Name, or "auto".
        features: Name of a set; None = the configured one, or "standard".
        window: Length; None = the configured one.
        every: From one start to the next; None = the configured one, or the length.
        budget_per_day: False-alarm episodes that are acceptable.
        follow: Whether the suite's centre may follow a plant that drifts.
        columns: Of a CSV table: tag and column.
    """

    recording: Path
    assets: tuple[str, ...] = ()
    config: Path | None = None
    out: Path | None = None
    version: str = "1"
    detector: str = "auto"
    features: str | None = None
    window: str | None = None
    every: str | None = None
    budget_per_day: float = 1.0
    follow: bool = True
    columns: Mapping[str, str] = field(default_factory=dict)


def load_rows(
    recording: Path | str,
    *assets: str,
    config: Path | str | None = None,
    features: str | None = None,
    window: str | None = None,
    every: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> FeatureRows:
    """Rows of a recording as a gateway would have them, for `models.estimator.AnomalyModel`.

    Args:
        recording: A journal's folder, a Parquet file, or a CSV table.
        assets: Of one kind; none = the only one there is.
        config: The gateway's, for tags, windows and features.
        features: Name of a feature set.
        window: Length, for example "10s".
        every: From one start to the next.
        columns: Of a CSV table: tag and column, "time" for that of the times.

    Raises:
        RecordingRefused: There is nothing to train on.
        ConfigRejected: The configuration is wrong.
    """
    chosen = None if config is None else Path(config)
    wish = TrainWish(
        recording=Path(recording),
        assets=assets,
        config=chosen,
        features=features,
        window=window,
        every=every,
        columns=columns or {},
    )
    return wished_rows(wish, lambda _: None).rows


def train_bundle(
    items: Iterable[Item],
    table: TagTable,
    windows: WindowSettings,
    out: Path,
    *,
    name: str,
    version: str,
    feature_set: FeatureSet = STANDARD,
    **options: Any,
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
        options: Of `models.training.train`.

    Raises:
        TrainingRefused: The recording cannot carry a model.
        RecordingRefused: The features are for waveforms, and there is none.
    """
    from models.training import train  # noqa: PLC0415 - scikit-learn, only here

    rows = recorded_rows(items, windows, feature_set, eligible(table, feature_set), MIN_COVERAGE)
    return train(rows, name=name, version=version, out=out, **options)


@dataclass(frozen=True, slots=True, eq=False)
class WishedRows:
    """What there is to train on.

    Attributes:
        rows: Of the wanted assets.
        assets: Their names.
        labels: Tags that were left out, for by their names they hold labels and nothing measured.
    """

    rows: FeatureRows
    assets: tuple[str, ...]
    labels: tuple[str, ...]


def wished_rows(wish: TrainWish, told: Callable[[str], None]) -> WishedRows:
    """Read the recording and cut it as asked.

    Raises:
        RecordingRefused: There is nothing to train on, or a wish that cannot be.
        ConfigRejected: The configuration is wrong.
        FlowRejected: Its features cannot be loaded.
        ConnectorError: The journal is of newer software.
        OSError: The recording cannot be read.
    """
    source = open_source(wish, told)
    meant = wish.config is not None  # somebody has chosen these tags
    labels = tuple(
        name for name in source.table.names if not meant and name.lower() in NEVER_TAGS and name not in wish.columns
    )
    measured = TagTable(source.table.asset, tuple(tag for tag in source.table.tags if tag.name not in labels))
    table = eligible(measured, source.features)
    rows = recorded_rows(source.items, source.windows, source.features, table, MIN_COVERAGE)
    return WishedRows(rows, source.assets, labels)


@dataclass(frozen=True, slots=True)
class Source:
    """A recording and how it is to be cut.

    Attributes:
        items: Of the wanted assets, in order of arrival; to be read once.
        assets: Their names; all have the tags of the first.
        table: Tags of the first one.
        windows: Of a fixed length.
        features: Of each window.
    """

    items: Iterator[Item]
    assets: tuple[str, ...]
    table: TagTable
    windows: WindowSettings
    features: FeatureSet


def open_source(wish: TrainWish, told: Callable[[str], None]) -> Source:
    """Open a recording, with tags, windows and features as asked, configured, or usual.

    Raises:
        RecordingRefused: It is none, or not of these assets.
        ConfigRejected: The configuration is wrong.
    """
    config = None if wish.config is None else load(wish.config)  # the bundle it names need not be there yet
    told(f"open {wish.recording}")
    recording = open_recording(wish.recording, wish.assets[0] if wish.assets else wish.recording.stem, wish.columns)
    tables = recording.tables if config is None else {table.asset: table for table in tag_tables(config)}
    assets = wish.assets or _only(recording)
    _check_assets(assets, tables)
    items = _counted((item for item in recording.items if item.asset in assets), told)
    return Source(items, assets, tables[assets[0]], _windows(wish, config, tables[assets[0]]), _features(wish, config))


def _counted(items: Iterable[Item], told: Callable[[str], None]) -> Iterator[Item]:
    """Tell every million samples how far it is."""
    samples = shown = 0
    for item in items:
        yield item
        samples += len(item) if isinstance(item, SampleBatch) else 0
        if samples >= shown + 1_000_000:
            shown = samples
            told(f"cut windows: {samples / 1e6:.0f} million samples")


def eligible(table: TagTable, features: FeatureSet) -> TagTable:
    """The tags that a feature set is for.

    Raises:
        RecordingRefused: There is none.
    """
    tags = tuple(tag for tag in table.tags if tag.waveform or not features.waveform)
    if not tags:
        rule = f"feature set {features.name} is for waveforms, and asset {table.asset} has none"
        raise RecordingRefused(f"{rule}: choose another set under [features], or set waveform_rate of a tag")
    return TagTable(table.asset, tags)


def _features(wish: TrainWish, config: Config | None) -> FeatureSet:
    configured = STANDARD if config is None else load_features(config.features)
    if wish.features in (None, configured.name):
        return configured
    if wish.features not in SETS:
        raise RecordingRefused(f"--features {wish.features}: must be one of {', '.join(SETS)}, or configured")
    return SETS[wish.features]


def _windows(wish: TrainWish, config: Config | None, table: TagTable) -> WindowSettings:
    usual = _usual_window(table)
    settings = WindowSettings(usual) if config is None else config.windows.settings()
    if wish.window is not None or wish.every is not None:
        try:
            return WindowSettings(wish.window or usual, wish.every)
        except ValueError as error:
            raise RecordingRefused(f"--window, --every: {error}") from error
    if not isinstance(settings, WindowSettings):
        assert config is not None
        told = f"{wish.config}: a model is trained on windows of a fixed length"
        raise RecordingRefused(f"{told}, which {config.windows.told()} do not have")
    return settings


def _usual_window(table: TagTable) -> str:
    """Ten seconds; where a tag is sampled less often than that, what holds a sample of each."""
    slowest = math.ceil(table.interval_s.max(initial=0.0))
    return WINDOW if slowest <= WINDOW_S else f"{slowest}s"


def _only(recording: Recording) -> tuple[str, ...]:
    if len(recording.tables) != 1:
        raise RecordingRefused(f"--asset: say which, it holds {', '.join(sorted(recording.tables)) or 'none'}")
    return tuple(recording.tables)


def _check_assets(assets: Sequence[str], tables: Mapping[str, TagTable]) -> None:
    for asset in assets:
        if asset not in tables:
            raise RecordingRefused(f"--asset {asset}: is not there; it has {', '.join(sorted(tables))}")
        missing = [tag for tag in tables[assets[0]].names if tag not in tables[asset].names]
        if missing:
            raise RecordingRefused(
                f"--asset {asset}: is of another kind than {assets[0]}, it lacks {', '.join(missing)}"
            )
