"""Passes of a recording, and when each is due."""

from __future__ import annotations

import numpy as np
import pytest

from connectors.pacing import Pace, cut, passes, received_of
from connectors.samples import Item, Notice, NoticeKind, SampleBatch
from connectors.tags import Tag, TagTable

TABLE = TagTable("pump", (Tag("flow"),))
IDLE = Notice(NoticeKind.IDLE, "pump", "silent", 0, 1)
MS = 1_000_000


def block(received_ms: int, *times: int) -> SampleBatch:
    when = np.array(times or [received_ms * MS], np.int64)
    return SampleBatch(
        TABLE, np.zeros(len(when), np.uint16), when, when * 1.0, np.zeros(len(when), np.uint32), received_ms * MS
    )


def sizes(items: list[Item]) -> list[int]:
    return [len(one) for one in passes(items)]


def test_what_came_together_goes_together() -> None:
    assert sizes([IDLE, block(0), IDLE, block(249), block(250), block(499), block(500)]) == [4, 2, 1]
    assert sizes([block(0)] * 130) == [64, 64, 2]
    assert sizes([]) == []


def test_a_clock_that_was_set_back_begins_another_pass() -> None:
    assert sizes([block(1000), block(900), block(901)]) == [1, 2]


def test_due_by_received_time() -> None:
    now, slept = 100.0, list[float]()
    pace = Pace(2.0, lambda: now, slept.append)
    assert pace.is_due(5000 * MS, 0.05), "the first begins"
    assert not pace.is_due(6000 * MS, 0.05)
    assert slept == [0.05], "never longer than it may"
    now = 100.48
    assert pace.is_due(6000 * MS, 0.05)
    assert slept[1:] == [pytest.approx(0.02)]
    assert pace.is_due(4000 * MS, 0.05), "what is past is due"
    assert pace.is_due(received_of([IDLE]), 0.05), "notices wait for nothing"


def test_unpaced_never_waits() -> None:
    pace = Pace(None, sleep=lambda _: pytest.fail("waited"))
    assert pace.is_due(10**18, 0.05)
    assert pace.is_due(2 * 10**18, 0.05)


def test_a_table_is_cut_as_if_it_had_come_live() -> None:
    first, notice, second, third = cut([block(9, 0, 400, 999), IDLE, block(9, 1000, 2500)], 1000)
    assert (first.source_time.tolist(), first.received_time) == ([0, 400, 999], 999)  # type: ignore[union-attr]
    assert notice is IDLE
    assert (second.received_time, third.received_time) == (1000, 2500)  # type: ignore[union-attr]
