"""Windows and feature rows of a recording, made by the code that runs in the gateway. Training uses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from connectors.samples import Item
from flows.featurize import features_of
from flows.score import rows_for, usable
from flows.window_block import WindowBlock
from flows.window_kinds import AnyWindowSettings
from flows.window_state import WindowState
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
    for window_block in windows_of(items, settings):
        if window_block.partial:
            continue
        (block,) = features_of([window_block], feature_set)
        picked, coverage = rows_for(block, tags, features)
        judged = usable(picked, coverage, min_coverage)
        rows.append(picked[judged])
        starts.append(block.start[judged])
    return np.concatenate(rows), np.concatenate(starts)
