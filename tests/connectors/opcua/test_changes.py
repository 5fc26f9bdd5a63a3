"""What says nothing new is left out, and nothing else is: deadbands of our own, NaN after NaN. No server."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from connectors.opcua.changes import Changes
from connectors.opcua.columns import Shape, Values
from connectors.opcua.tag import OpcUaTag

NODE = "nsu=urn:x;s=n"
NAN = math.nan
TAGS = [
    OpcUaTag("pump", "plain", NODE),
    OpcUaTag("pump", "banded", NODE, deadband=1.0),
    OpcUaTag("pump", "every", NODE, trigger="status_value_timestamp"),
]
PLAIN, BANDED, EVERY = range(3)
BAD = 0x808C0000


def _values(rows: list[tuple[int, float]], code: int = 0, shape: Shape = Shape.NUMBER) -> Values:
    n = len(rows)
    return Values(
        np.array([handle for handle, _ in rows], dtype=np.uint32),
        np.array([value for _, value in rows], dtype=np.float64),
        np.full(n, code, dtype=np.uint32),
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
        np.full(n, shape, dtype=np.uint8),
    )


def _changes() -> Changes:
    changes = Changes(TAGS, Counter())
    changes.apply({BANDED: 1.0})
    return changes


def test_nan_after_nan_is_left_out_until_something_else_was_said() -> None:
    counters: Counter[str] = Counter()
    changes = Changes(TAGS, counters)
    first = changes.news(_values([(PLAIN, NAN), (PLAIN, NAN), (BANDED, 5.0)]))
    assert first.handle.tolist() == [PLAIN, BANDED]
    assert len(changes.news(_values([(PLAIN, NAN)]))) == 0
    assert changes.news(_values([(PLAIN, NAN)], code=0x40920000)).status.tolist() == [0x40920000]
    assert changes.news(_values([(PLAIN, 1.0), (PLAIN, NAN)])).handle.tolist() == [PLAIN, PLAIN]
    assert counters["unchanged"] == 2


def test_a_tag_that_asked_for_every_timestamp_is_told_all() -> None:
    assert len(_changes().news(_values([(EVERY, NAN)] * 3))) == 3


def test_a_deadband_counts_from_the_last_value_that_was_passed_on() -> None:
    rows = [(BANDED, value) for value in (0.0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4, 0.0)]
    assert _changes().news(_values(rows)).value.tolist() == [0.0, 1.2, 2.4, 0.0]


def test_a_status_and_a_missing_value_pass_every_deadband() -> None:
    changes = _changes()
    changes.news(_values([(BANDED, 5.0)]))
    for code, shape in ((BAD, Shape.NUMBER), (BAD, Shape.NUMBER), (0, Shape.NUMBER), (0, Shape.NOTHING)):
        assert len(changes.news(_values([(BANDED, 5.0)], code, shape))) == 1
    assert len(changes.news(_values([(BANDED, NAN)]))) == 1


def test_what_is_forgotten_is_new() -> None:
    changes = _changes()
    rows = [(PLAIN, NAN), (BANDED, 5.0)]
    assert len(changes.news(_values(rows))) == 2
    assert len(changes.news(_values(rows))) == 0
    changes.forget(np.array([BANDED], dtype=np.uint32))
    assert changes.news(_values(rows)).handle.tolist() == [BANDED]
    changes.forget()
    assert len(changes.news(_values(rows))) == 2


def test_arrays_stay_with_their_rows_and_unknown_handles_pass() -> None:
    changes = _changes()
    values = _values([(PLAIN, NAN), (PLAIN, NAN), (99, NAN)])
    values.shape[0] = values.shape[2] = Shape.NUMBERS
    values.arrays = {0: np.array([1.0]), 2: np.array([3.0])}
    changes.news(_values([(PLAIN, NAN)]))
    left = changes.news(values)
    assert left.handle.tolist() == [PLAIN, PLAIN, 99]  # an array in between is no NaN
    again = changes.news(values)
    assert [len(array) for array in again.arrays.values()] == [1, 1]


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.5, 1.0, 1.5, 3.0, NAN])), max_size=40), st.data())
def test_the_messages_that_values_come_in_make_no_difference(
    rows: list[tuple[int, float]], data: st.DataObject
) -> None:
    def one_by_one(tag: int, value: float, last: dict[int, float]) -> bool:
        before = last.get(tag)
        same_nan = before is not None and math.isnan(before) and math.isnan(value) and tag != EVERY
        within = tag == BANDED and before is not None and abs(value - before) <= 1.0
        if same_nan or within:
            return False
        last[tag] = value
        return True

    last: dict[int, float] = {}
    expected = [row for row in rows if one_by_one(*row, last)]
    changes, got, at = _changes(), [], 0
    while at < len(rows):
        size = data.draw(st.integers(1, len(rows) - at))
        news = changes.news(_values(rows[at : at + size]))
        got += list(zip(news.handle.tolist(), news.value.tolist(), strict=True))
        at += size
    assert repr(got) == repr(expected)
