"""Fronts of event time and the holes that end at them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from connectors.opcua.gaps import SETTLING_NS, SKEW_NS, Gaps
from connectors.samples import Notice, NoticeKind, SampleBatch
from connectors.tags import Tag, TagTable

PUMP, TANK = TagTable("pump", (Tag("flow"),)), TagTable("tank", (Tag("level"),))
NOW = 1_700_000_000 * 10**9


def _block(*times: int, table: TagTable = PUMP) -> SampleBatch:
    n = len(times)
    zeros = np.zeros(n)
    return SampleBatch(table, zeros.astype(np.uint16), np.array(times), zeros, zeros.astype(np.uint32), NOW)


def test_a_gap_goes_from_the_newest_sample_to_the_first_newer_one() -> None:
    gaps = Gaps("plant")
    gaps.passed(_block(NOW - 30, NOW - 20))
    gaps.lose("link_down")
    gaps.lose("sequence_gap")  # the hole has begun already
    assert gaps.passed(_block(NOW - 20)) is None  # unchanged since before the hole
    assert gaps.assets == ["pump"]
    notice = gaps.passed(_block(NOW - 25, NOW - 5, NOW - 10))
    assert notice == Notice(NoticeKind.GAP, "pump", "link_down", NOW - 20, NOW - 10, source="plant")
    assert gaps.assets == []


def test_a_gap_lasts_until_every_tag_that_comes_first_is_new() -> None:
    """A constant written when the server began is newer than the hole's begin, but the server was not heard yet."""
    gaps = Gaps("plant")
    gaps.passed(_block(NOW - 30))
    gaps.lose("link_down")
    block = _block(NOW - 20, NOW - 9, NOW - 8)
    block.tag[0] = 1
    notice = gaps.passed(block)
    assert notice is not None
    assert (notice.start, notice.end) == (NOW - 30, NOW - 9)


def test_a_gap_ends_though_the_clock_went_back() -> None:
    """A12: not an hour later, when the clock has caught up; and the next gap begins where values are."""
    gaps = Gaps("plant")
    gaps.passed(_block(NOW))
    gaps.lose("link_down")
    hour = 3600 * 10**9
    assert gaps.passed(_block(NOW - hour)) is None  # perhaps only unchanged
    later = replace(_block(NOW - hour + SETTLING_NS), received_time=NOW + SETTLING_NS)
    notice = gaps.passed(later)
    assert notice is not None
    assert (notice.start, notice.end) == (NOW, NOW)
    assert gaps.newest("pump") == NOW - hour + SETTLING_NS


def test_an_asset_without_a_sample_misses_none() -> None:
    gaps = Gaps("plant")
    gaps.passed(_block(NOW))
    gaps.lose("link_down")
    assert gaps.passed(_block(NOW + 1, table=TANK)) is None
    assert gaps.newest("tank") == NOW + 1
    assert gaps.assets == ["pump"]


@given(st.lists(st.lists(st.integers(NOW - 10**12, NOW + SKEW_NS), min_size=1, max_size=4), min_size=1, max_size=8))
def test_the_front_is_the_newest_time_whatever_the_order(blocks: list[list[int]]) -> None:
    gaps = Gaps("plant")
    for times in blocks:
        gaps.passed(_block(*times))
    assert gaps.newest("pump") == max(time for times in blocks for time in times)


def test_a_front_in_the_future_is_given_up() -> None:
    gaps = Gaps("plant")
    gaps.passed(_block(NOW + SKEW_NS + 1))
    gaps.passed(_block(NOW - 1))
    assert gaps.newest("pump") == NOW - 1


def test_an_asset_that_misses_nothing_has_no_hole() -> None:
    gaps = Gaps("plant")
    gaps.passed(_block(NOW - 30))
    gaps.passed(_block(NOW - 30, table=TANK))
    gaps.lose("sequence_gap", {"tank"})
    assert gaps.assets == ["tank"]
    assert gaps.passed(_block(NOW - 5)) is None
