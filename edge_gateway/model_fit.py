"""Whether a model fits what a configuration would have it judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge_gateway.config.config import Config
from edge_gateway.tables import tag_tables
from flows.window_settings import WindowSettings
from models.features import FeatureSet
from models.life.store import ModelStore
from models.manifest import Manifest, feature_misfit


def store_of(config: Config) -> ModelStore:
    """The models in the gateway's data folder."""
    return ModelStore(config.gateway.data, config.models.keys())


def assets_of(config: Config, name: str) -> tuple[str, ...]:
    """What the model of this name scores; () = no `[[model]]` table names it."""
    return tuple(asset for model in config.model if model.name == name for asset in model.assets)


def misfits(
    config: Config, assets: Sequence[str], manifest: Manifest, features: FeatureSet | None
) -> Iterator[tuple[str, str]]:
    """What is wrong where a model is to judge these assets, and what to do.

    Args:
        config: Of the gateway.
        assets: Which it would score.
        manifest: Of its bundle.
        features: Of the gateway; None = not known here, and not looked at.
    """
    if features is not None and (misfit := feature_misfit(manifest, features)):
        yield misfit
    windows = config.windows.settings()
    if not isinstance(windows, WindowSettings):
        rule = f"was trained on windows of a fixed length, which {config.windows.told()} do not have"
        yield rule, "Leave the model out, or set [windows] kind to tumbling or hopping."
    elif (manifest.window_length_ns, manifest.window_every_ns) != (windows.length_ns, windows.every_ns):
        length, every = manifest.window_length_ns / 1e9, manifest.window_every_ns / 1e9
        yield f"was trained on windows of {length:g}s every {every:g}s", "Set [windows] so, or train it again."
    tables = {table.asset: table for table in tag_tables(config)}
    for asset in assets:
        missing = [tag for tag in manifest.tags if tag not in tables[asset].names]
        if missing:
            rule = f"needs tags that asset {asset} lacks: {', '.join(missing)}"
            yield rule, "Add the tags, or train a model without them."
