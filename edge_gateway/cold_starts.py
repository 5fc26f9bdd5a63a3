"""What scores the assets that have no model yet."""

from __future__ import annotations

from edge_gateway.config.config import Config
from edge_gateway.tables import tag_tables
from flows.window_settings import WindowSettings
from models.cold_start import ColdStart, columns_of
from models.features import FeatureSet


def may_start_cold(config: Config) -> bool:
    """Whether assets without a model are scored: where wanted, and windows are of a fixed length.

    A session and the next one are not of a kind.
    """
    return config.alerts.cold_start and isinstance(config.windows.settings(), WindowSettings)


def cold_starts(config: Config, features: FeatureSet) -> dict[str, ColdStart]:
    """Of every asset, the same one for assets with the same tags; {} where none may be."""
    windows = config.windows.settings()
    if not may_start_cold(config) or not isinstance(windows, WindowSettings):
        return {}
    made: dict[tuple[str, ...], ColdStart] = {}
    chosen = columns_of(features.features)
    for table in tag_tables(config):
        if table.names not in made:
            made[table.names] = ColdStart(table.names, chosen, windows.every_ns)
    return {table.asset: made[table.names] for table in tag_tables(config)}
