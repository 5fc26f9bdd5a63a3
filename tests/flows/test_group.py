"""What features are told about the windows and tags they are computed of."""

from __future__ import annotations

import math

import numpy as np
from flows_streams import T0, S

from connectors.tags import Tag, TagTable
from flows.featurize import features_of
from flows.model_rows import rows_for, usable
from flows.window_block import WindowBlock, group
from models.features import IRREGULAR, STANDARD

NAN = math.nan


def window_block(asset: str, rows: list[tuple[int, float, float]], held: list[float] | None) -> WindowBlock:
    """One window of 10 s; rows of (tag, seconds, value)."""
    return WindowBlock(
        tags=TagTable(asset, (Tag("valve", ""), Tag("ring", "m/s2", 0.001, waveform=True))),
        start=np.array([T0]),
        end=np.array([T0 + 10 * S]),
        sizes=np.array([len(rows)]),
        tag=np.array([tag for tag, _, _ in rows], dtype=np.uint16),
        time=np.array([T0 + round(time * S) for _, time, _ in rows]),
        value=np.array([value for _, _, value in rows]),
        expected=np.array([NAN, NAN]),
        decided_received=T0,
        partial=False,
        held=None if held is None else np.array([held]),
    )


def test_segments_know_their_windows_and_tags() -> None:
    blocks = [
        window_block("a", [(0, 1.0, 5.0), (1, 2.0, NAN), (0, 3.0, NAN), (1, 4.0, NAN)], None),
        window_block("b", [(1, 1.0, 5.0)], [3.0, NAN]),
    ]
    context = group(blocks).segments.context
    assert context.length_s.tolist() == [10.0] * 4
    assert context.interval_s.tolist() == [0.0, 0.001] * 2
    assert context.waveform.tolist() == [False, True] * 2
    assert context.unit.tolist() == ["", "m/s2"] * 2
    assert context.bad.tolist() == [1, 2, 0, 0]
    assert context.bad_time_s.tolist() == [3.0, 2.0, 4.0]
    np.testing.assert_array_equal(context.held, [NAN, NAN, 3.0, NAN])


def test_a_model_may_judge_a_tag_that_did_not_change() -> None:
    unchanged = window_block("a", [(1, 1.0, 5.0)], [3.0, NAN])
    for feature_set, judged in ((IRREGULAR, True), (STANDARD, False)):
        (block,) = features_of([unchanged], feature_set)
        assert block.n.tolist() == [[0, 1]]
        rows, coverage = rows_for(block, ("valve",), feature_set.features)
        assert coverage.tolist() == [[float(judged)]]
        assert usable(rows, coverage, 0.5).tolist() == [judged]
    (block,) = features_of([window_block("a", [(1, 1.0, 5.0)], None)], IRREGULAR)
    assert not usable(*rows_for(block, ("valve",), IRREGULAR.features), 0.5).any()
