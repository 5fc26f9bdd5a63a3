"""What a recording is asked to hold."""

from __future__ import annotations

import numpy as np

from connectors.samples import Item, Notice, NoticeKind, SampleBatch
from connectors.selection import EVERYTHING, Selection
from connectors.tags import Tag, TagTable

PUMP = TagTable("pump", (Tag("flow"), Tag("head"), Tag("power")))
FAN = TagTable("fan", (Tag("speed"), Tag("power")))


def block(table: TagTable, received: int) -> SampleBatch:
    n = len(table)
    times = np.arange(n, dtype=np.int64)
    return SampleBatch(table, np.arange(n, dtype=np.uint16), times, times * 1.5, np.zeros(n, np.uint32), received)


ITEMS: list[Item] = [
    Notice(NoticeKind.GAP, "fan", "first", 0, 1),
    block(PUMP, 10),
    Notice(NoticeKind.IDLE, "pump", "idle", 0, 1),
    block(FAN, 20),
    Notice(NoticeKind.IDLE, "fan", "idle", 0, 1),
    block(PUMP, 30),
]


def test_everything_is_the_same_objects() -> None:
    assert list(EVERYTHING.of(ITEMS)) == ITEMS


def test_a_span_takes_whole_blocks_and_the_notices_behind_them() -> None:
    assert list(Selection(since=20).of(ITEMS)) == ITEMS[3:]
    assert list(Selection(since=20, until=30).of(ITEMS)) == ITEMS[3:5]
    assert list(Selection(until=20).of(ITEMS)) == ITEMS[:3]


def test_an_asset_with_its_notices() -> None:
    assert list(Selection(assets=frozenset({"fan"})).of(ITEMS)) == [ITEMS[0], ITEMS[3], ITEMS[4]]


def test_tags_narrow_blocks_and_tables() -> None:
    found = [one for one in Selection(tags=frozenset({"pump/head", "power"})).of(ITEMS) if isinstance(one, SampleBatch)]
    assert [(one.asset, one.tags.names, one.value.tolist()) for one in found] == [
        ("pump", ("head", "power"), [1.5, 3.0]),
        ("fan", ("power",), [1.5]),
        ("pump", ("head", "power"), [1.5, 3.0]),
    ]
    assert all([one.tags.names[tag] for tag in one.tag] == list(one.tags.names) for one in found)
    assert found[0].tags is found[2].tags


def test_what_holds_none_of_the_tags_is_left_out() -> None:
    assert [one.asset for one in Selection(tags=frozenset({"speed"})).of(ITEMS) if isinstance(one, SampleBatch)] == [
        "fan"
    ]
