"""A12: which timestamp is believed, and that a value which did not change holds now. No server."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest

from connectors.opcua.columns import Shape, Values
from connectors.opcua.layout import EPOCH_TICKS
from connectors.opcua.times import EventTimes, TimePolicy
from connectors.samples import Origin

SECOND = 10**9
NOW = 1_700_000_000 * SECOND
DAY = 86_400 * SECOND
SCALAR, OTHER, WAVE = range(3)
BEYOND = 99  # a handle that no tag has


def _ticks(time: int | None) -> int:
    return 0 if time is None else time // 100 + EPOCH_TICKS


def _values(*rows: tuple[int, int | None], server: int | None = None) -> Values:
    n = len(rows)
    return Values(
        np.array([handle for handle, _ in rows], dtype=np.uint32),
        np.ones(n),
        np.zeros(n, dtype=np.uint32),
        np.array([_ticks(source) for _, source in rows], dtype=np.int64),
        np.full(n, _ticks(server), dtype=np.int64),
        np.full(n, Shape.NUMBER, dtype=np.uint8),
    )


def _times(policy: TimePolicy | None = None) -> tuple[EventTimes, Counter[str]]:
    counters: Counter[str] = Counter()
    return EventTimes(np.array([True, True, False]), counters, policy or TimePolicy()), counters


@pytest.mark.parametrize(
    ("source", "server", "expected"),
    [
        (NOW - 6 * DAY, NOW, NOW - 6 * DAY),
        (NOW - 8 * DAY, NOW - 5, NOW - 100),  # ticks are 100 ns
        (NOW + 9 * SECOND, NOW, NOW + 9 * SECOND),
        (NOW + 11 * SECOND, NOW + SECOND, NOW + SECOND),
        (NOW + 365 * DAY, NOW + 365 * DAY, NOW),
        (None, NOW - SECOND, NOW - SECOND),
        (None, None, NOW),
    ],
)
def test_absurd_times_fall_back_and_are_counted(source: int | None, server: int | None, expected: int) -> None:
    times, counters = _times()
    assert times.of(_values((SCALAR, source), server=server), NOW).tolist() == [expected]
    assert counters["time_substituted"] == (expected != source)
    assert counters["time_received"] == (expected == NOW and source != NOW)


def test_the_bounds_are_settings_and_a_history_has_none() -> None:
    old = _values((SCALAR, NOW - 30 * DAY))
    times, _ = _times(TimePolicy(past=timedelta(days=31)))
    assert times.of(old, NOW).tolist() == [NOW - 30 * DAY]
    times, _ = _times()
    assert times.of(old, NOW, Origin.BACKFILLED).tolist() == [NOW - 30 * DAY]
    assert times.of(old, NOW, Origin.REPLAYED).tolist() == [NOW]


def test_the_first_value_of_a_tag_that_did_not_change_holds_now_by_the_servers_clock() -> None:
    times, counters = _times()
    times.begin(NOW - 3 * SECOND, NOW)
    month = NOW - 30 * DAY
    first = _values((SCALAR, month), (SCALAR, month), (WAVE, month), (BEYOND, NOW), (OTHER, NOW - 3 * SECOND))
    then = NOW + SECOND
    assert times.of(first, then).tolist() == [
        then - 3 * SECOND,
        then,  # the second value is no first one: a month ago is absurd for it, and the server tells no time
        month,  # an array does not hold now
        NOW,
        NOW - 3 * SECOND,  # as old as `fresh` allows: it keeps its time
    ]
    assert counters["time_as_now"] == 1
    assert times.of(_values((SCALAR, NOW - 5 * SECOND)), then).tolist() == [NOW - 5 * SECOND]


def test_as_is_keeps_the_time_of_the_last_change() -> None:
    times, counters = _times(TimePolicy(initial="as_is"))
    times.begin(NOW, NOW)
    assert times.of(_values((SCALAR, NOW - 30 * DAY)), NOW).tolist() == [NOW - 30 * DAY]
    assert times.of(_values((OTHER, NOW - 30 * DAY)), NOW, read=True).tolist() == [NOW - 30 * DAY]
    assert not counters["time_as_now"]


def test_a_clock_that_is_not_believed_does_not_say_when_now_is() -> None:
    times, _ = _times()
    times.begin(NOW + 365 * DAY, NOW)
    assert times.of(_values((SCALAR, NOW - DAY)), NOW).tolist() == [NOW]


def test_the_same_value_read_twice_is_of_now_the_second_time() -> None:
    times, _ = _times()
    value = _values((SCALAR, NOW - SECOND // 2))
    assert times.of(value, NOW, read=True).tolist() == [NOW - SECOND // 2]
    assert times.of(value, NOW + 100, read=True).tolist() == [NOW + 100]
    assert times.of(_values((SCALAR, NOW - 10 * SECOND)), NOW, read=True).tolist() == [NOW]
