"""Sessions and counts by example; the oracle of `test_window_state` holds them to every detail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flows_streams import T0, UNCERTAIN, S, block, idle, regular

from connectors.samples import Item, Origin
from flows.blocks import LateBlock
from flows.data_settings import CountSettings, SessionSettings
from flows.featurize import features_of
from flows.window_block import WindowBlock
from flows.window_kinds import AnyWindowSettings
from flows.window_settings import WindowSettings
from flows.window_state import WindowState
from models.features import STANDARD

SESSION = SessionSettings("5s", "20s", lateness="2s")
COUNT = CountSettings(4, "current", "1min", lateness="2s")


def run(settings: AnyWindowSettings, *items: Item) -> list[Any]:
    state = WindowState(settings)
    out = [out for item in items for out in state.push(item)]
    assert state.account().balanced
    return out


def spans(out: list[Any]) -> list[tuple[float, float]]:
    """First and last sample of closed windows, seconds since T0."""
    blocks = [one for one in out if isinstance(one, WindowBlock)]
    pairs = [pair for one in blocks for pair in zip(one.start.tolist(), one.end.tolist(), strict=True)]
    return [((start - T0) / S, (end - 1 - T0) / S) for start, end in pairs]


def test_a_session_ends_with_silence_and_is_known_when_the_watermark_is_past_it() -> None:
    items = [*regular(8), *regular(3, start=20)]
    assert spans(run(SESSION, *items[:8], block((13.5, 0, 1.0)))) == []  # 13.5 - 2 < 7 + 5
    assert spans(run(SESSION, *items[:8], block((14, 0, 1.0)))) == [(0, 7)]
    assert spans(run(SESSION, *items)) == [(0, 7)]
    assert spans(run(SESSION, *items, idle(29))) == [(0, 7), (20, 22)]


def test_a_straggler_within_the_lateness_joins_two_sessions() -> None:
    apart = block((0, 0, 1.0), (6, 0, 1.0))
    assert spans(run(SESSION, apart, block((40, 0, 1.0)))) == [(0, 0), (6, 6)]
    assert spans(run(SESSION, apart, block((3, 0, 1.0)), block((40, 0, 1.0)))) == [(0, 6)]


def test_a_session_without_end_is_cut_at_its_greatest_length() -> None:
    assert spans(run(SESSION, *regular(70))) == [(0, 19), (20, 39), (40, 59)]


def test_coverage_of_a_session_is_by_its_own_length() -> None:
    out = run(SESSION, *regular(8), block((20, 0, 1.0)), block((40, 0, 1.0)))
    first, second = (one.grouped.coverage.tolist() for one in out if isinstance(one, WindowBlock))
    assert first[:2] == [1.0, pytest.approx(8 / 15)]  # the speed is due every 0.5 s
    assert second[:2] == [1.0, 0.0]
    assert np.isnan(first[2])


def test_a_late_sample_is_told_with_the_session_it_missed() -> None:
    out = run(SESSION, *regular(8), block((30, 0, 1.0)), block((3, 0, 1.0), (11, 0, 1.0), received=30))
    (late,) = [one for one in out if isinstance(one, LateBlock)]
    assert late.window_start.tolist() == [T0, T0]  # until 12 s it would have joined
    assert late.window_end.tolist() == [T0 + 12 * S] * 2


def test_a_count_is_of_one_tag_and_holds_the_others() -> None:
    out = run(COUNT, *regular(20))
    assert spans(out) == [(0, 3), (4, 7), (8, 11), (12, 15)]
    (first, *_) = [one for one in out if isinstance(one, WindowBlock)]
    assert first.grouped.n.tolist() == [4, 4, 4]
    assert first.grouped.coverage[:2].tolist() == [1.0, pytest.approx(4 / 7)]


def test_samples_of_one_time_are_not_torn_apart() -> None:
    out = run(CountSettings(4, lateness="2s"), *regular(20))
    assert spans(out)[:2] == [(0, 1), (2, 3)]
    assert {size for one in out if isinstance(one, WindowBlock) for size in one.sizes.tolist()} == {6}


def test_a_count_that_is_not_reached_is_cut_at_its_greatest_length() -> None:
    for tag in ("door", "no such tag"):
        settings = CountSettings(4, tag, "10s", lateness="2s")
        items = [block((second, 0, 1.0)) for second in range(30)]
        assert spans(run(settings, *items)) == [(0, 9), (10, 19)]


def test_windows_of_any_length_are_featurized() -> None:
    out = run(SESSION, *regular(8), *regular(3, start=20), block((60, 0, 1.0)))
    blocks = [one for one in out if isinstance(one, WindowBlock)]
    rows = [row for one in features_of(blocks, STANDARD) for row in one.values[:, 0, one.features.index("last")]]
    assert rows == [8.0, 23.0]


def test_windows_know_what_was_in_force_how_long_nothing_came_and_how_it_came() -> None:
    settings = WindowSettings("10s", lateness="0s")
    items: list[Item] = [
        block((2, 0, 5.0), (3, 0, 6.0), (4, 0, 7.0, UNCERTAIN), (1, 1, 1.0)),
        block((11, 1, 2.0), (18, 1, 3.0)),
        block((12, 1, 4.0), received=18, origin=Origin.REPLAYED),
        block((30, 0, 1.0)),
    ]
    blocks = [one for one in run(settings, *items) if isinstance(one, WindowBlock)]
    first, second = features_of(blocks, STANDARD)
    assert first.window is not None
    assert second.window is not None
    assert second.gap_s is not None
    assert second.origins is not None
    np.testing.assert_array_equal(first.window.held, [[np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(second.window.held, [[6.0, 1.0, np.nan]])
    assert second.gap_s.tolist() == [[10.0, 6.0, 10.0]]
    assert second.origins.tolist() == [[0, 1 << Origin.LIVE | 1 << Origin.REPLAYED, 0]]
    np.testing.assert_allclose(first.good_ratio, [[2 / 3, 1.0, np.nan]], rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SessionSettings("0s"), "gap = 0:00:00: must be longer than nothing"),
        (lambda: SessionSettings("10s", "5s"), "max_length = 0:00:05: must not be shorter than gap = 0:00:10"),
        (lambda: CountSettings(0), "count = 0: must be at least 1"),
        (lambda: CountSettings(5, max_length="0s"), "max_length = 0:00:00: must be longer"),
        (lambda: WindowSettings("5s", follow_after="0s"), "follow_after = 0:00:00: must be longer"),
        (lambda: SessionSettings("5s", lateness="late"), "lateness = 'late': not a duration"),
    ],
)
def test_refuses_what_cannot_be(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_windows_begin_where_they_are_aligned() -> None:
    shifts = WindowSettings("8h", align="6h")
    midnight = T0 - T0 % (86_400 * S)
    assert (shifts.open_from(midnight) - midnight) // S == -2 * 3600
    assert WindowSettings("10s", align="25s") == WindowSettings("10s", align="5s")
    out = run(WindowSettings("10s", lateness="2s", align="3s"), *regular(30))
    assert [start for start, _ in spans(out)] == [-7, 3, 13]
