from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from connectors.hopper import Hopper
from connectors.samples import Notice, NoticeKind, SampleBatch
from connectors.tags import TagTable

TABLES = {asset: TagTable(asset, ()) for asset in "ab"}


def block(asset: str, n: int, first: int = 1) -> SampleBatch:
    times = np.arange(first, first + n)
    return SampleBatch(TABLES[asset], np.zeros(n, np.uint16), times, np.zeros(n), np.zeros(n, np.uint32), first + n)


puts = st.tuples(st.sampled_from("ab"), st.integers(1, 110))


@given(st.lists(st.one_of(puts, st.none()), max_size=60))
def test_what_is_put_is_taken_or_stated_as_dropped(steps: list[tuple[str, int] | None]) -> None:
    hopper, taken, sent = Hopper(100), [], {"a": 0, "b": 0}
    for step in steps:
        if step is None:
            taken += hopper.take(0)
            assert hopper.queued == 0
        else:
            hopper.put(block(*step))
            sent[step[0]] += step[1]
            assert hopper.queued <= 110
    taken += hopper.take(0)
    for asset, count in sent.items():
        mine = [item for item in taken if item.asset == asset]
        assert sum(len(item) if isinstance(item, SampleBatch) else item.count for item in mine) == count
    assert hopper.dropped == sum(item.count for item in taken if isinstance(item, Notice))


def test_the_notice_stands_where_the_hole_is() -> None:
    hopper = Hopper(100)
    for item in (block("a", 90), block("a", 20, 1000), block("a", 30, 2000), block("a", 5, 3000)):
        hopper.put(item)
    first, notice, last = hopper.take(0)
    assert (len(first), len(last)) == (90, 5)
    assert notice == Notice(NoticeKind.DROPPED, "a", "queue_full", 1000, 2029, 50, "intake")


def test_notices_that_do_not_fit_are_merged() -> None:
    hopper = Hopper(10)
    hopper.put(block("a", 10))
    hopper.put(Notice(NoticeKind.IDLE, "a", "idle", 0, 5))
    hopper.put(Notice(NoticeKind.GAP, "a", "link_down", 100, 200))
    hopper.put(Notice(NoticeKind.DROPPED, "a", "server_queue", 50, 60, 7))
    _, notice = hopper.take(0)
    assert notice == Notice(NoticeKind.DROPPED, "a", "queue_full", 50, 200, 7, "intake")


def test_closed_hopper_gives_what_is_left_and_then_nothing_at_once() -> None:
    hopper = Hopper(10)
    hopper.put(block("a", 1))
    hopper.close()
    assert len(hopper.take(None)) == 1
    assert hopper.take(None) == []
    assert hopper.closed


def test_a_block_larger_than_the_hopper_fits_into_an_empty_one() -> None:
    """Else a long waveform could never be stored, however idle the disk."""
    hopper = Hopper(100)
    hopper.put(block("a", 250))
    hopper.put(block("a", 1, 1000))
    first, notice = hopper.take(0)
    assert (len(first), notice.count) == (250, 1)


def test_a_change_of_tables_stands_between_what_came_before_and_after() -> None:
    hopper, other = Hopper(1000), TagTable("fan", ())
    hopper.put(block("a", 10))
    hopper.put_tables([other])
    hopper.put(block("a", 3))
    hopper.put_tables([])
    assert hopper.take_tables() is None  # a block stands before it
    assert [len(item) for item in hopper.take(0) if isinstance(item, SampleBatch)] == [10]
    assert hopper.queued == 3
    assert hopper.take(None) == []  # and does not wait: a change is next
    assert hopper.take_tables() == (other,)
    assert [len(item) for item in hopper.take(0) if isinstance(item, SampleBatch)] == [3]
    assert hopper.queued == 0
    assert hopper.take_tables() == ()
    assert hopper.take_tables() is None
