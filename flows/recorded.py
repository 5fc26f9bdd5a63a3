"""Windows and feature rows of a recording, made by the code that runs in the gateway. Training uses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from connectors.samples import Item
from connectors.tags import TagTable
from flows.blocks import FeatureBlock
from flows.featurize import features_of
from flows.model_rows import rows_for, usable
from flows.window_block import WindowBlock
from flows.window_kinds import AnyWindowSettings
from flows.window_settings import WindowSettings
from flows.window_state import WindowState
from models.feature_rows import FeatureRows
from models.features import FeatureSet


def windows_of(items: Iterable[Item], settings: AnyWindowSettings) -> Iterator[WindowBlock]:
    """Closed windows of all assets, in the order in which they close.

    Windows that are still open at the end are not handed out, just as in the gateway.
    """
    states: dict[str, WindowState] = {}
    for item in items:
        state = states.get(item.asset)
        if state is None:
            state = states[item.asset] = WindowState(settings)
        for out in state.push(item):
            if isinstance(out, WindowBlock):
                yield out


def recorded_rows(
    items: Iterable[Item],
    settings: WindowSettings,
    feature_set: FeatureSet,
    table: TagTable,
    min_coverage: float,
) -> FeatureRows:
    """Rows to train on: every whole window of a recording, with holes where a tag was covered too little.

    Args:
        items: Blocks and notices in order of arrival; several assets with the same tags may be mixed.
        settings: As in the gateway.
        feature_set: As in the gateway.
        table: The tags that are wanted, with their units.
        min_coverage: Share of expected good samples below which a tag has no value in a window.
    """
    tags, features = table.names, feature_set.features
    values = [np.empty((0, len(tags), len(features)))]
    starts, assets = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    known: dict[str, int] = {}
    for block, picked, coverage in _picked(items, settings, feature_set, tags, features):
        holes = (coverage < np.float32(min_coverage)) | ~np.isfinite(picked).all(axis=2)
        picked[holes] = np.nan
        values.append(picked)
        starts.append(block.start)
        assets.append(np.full(len(block), known.setdefault(block.asset, len(known)), dtype=np.int64))
    start = np.concatenate(starts)
    order = np.argsort(start, kind="stable")  # assets close their windows each in its own time
    return FeatureRows(
        values=np.concatenate(values)[order],
        starts=start[order],
        assets=np.concatenate(assets)[order],
        tags=tags,
        units=tuple(tag.unit for tag in table.tags),
        feature_set=feature_set,
        window_length_ns=settings.length_ns,
        window_every_ns=settings.every_ns,
        min_coverage=min_coverage,
    )


def feature_rows(
    items: Iterable[Item],
    settings: AnyWindowSettings,
    feature_set: FeatureSet,
    tags: tuple[str, ...],
    features: tuple[str, ...],
    min_coverage: float = 0.0,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Training rows: exactly those that a model with these tags, features and minimum would judge in the gateway.

    Args:
        items: Blocks and notices in order of arrival; several assets of one kind may be mixed.
        settings: As in the gateway.
        feature_set: As in the gateway.
        tags: The model's, in its order.
        features: The model's, in its order.
        min_coverage: Rows with a tag below it are left out, as are partial windows.

    Returns:
        Rows float64[n, tags, features] and the starts of their windows int64[n], ns.
    """
    rows = [np.empty((0, len(tags), len(features)))]
    starts = [np.empty(0, dtype=np.int64)]
    for block, picked, coverage in _picked(items, settings, feature_set, tags, features):
        judged = usable(picked, coverage, min_coverage)
        rows.append(picked[judged])
        starts.append(block.start[judged])
    return np.concatenate(rows), np.concatenate(starts)


def _picked(
    items: Iterable[Item],
    settings: AnyWindowSettings,
    feature_set: FeatureSet,
    tags: tuple[str, ...],
    features: tuple[str, ...],
) -> Iterator[tuple[FeatureBlock, NDArray[np.float64], NDArray[np.float32]]]:
    """Features of each whole window, and of these what a model sees."""
    for window_block in windows_of(items, settings):
        if not window_block.partial:
            (block,) = features_of([window_block], feature_set)
            yield block, *rows_for(block, tags, features)
