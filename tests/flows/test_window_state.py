from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flows_closed import plain
from flows_oracle import Oracle
from flows_streams import T0, TABLE, UNCERTAIN, S, block, dropped, gap, idle, regular, streams
from flows_text import text
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sink.records import Account, Event
from connectors.samples import REMOVED, Item, Notice, NoticeKind, SampleBatch
from connectors.tags import Tag, TagTable
from flows.blocks import LateBlock
from flows.data_settings import CountSettings, SessionSettings
from flows.errors import StateError
from flows.late import late_event
from flows.window_block import WindowBlock
from flows.window_kinds import AnyWindowSettings
from flows.window_settings import WindowSettings
from flows.window_state import CLOCK_SKEW, WindowState

TUMBLING = WindowSettings("10s", lateness="2s", allowed_skew="5s")
SHAPES: list[AnyWindowSettings] = [
    TUMBLING,
    WindowSettings("10s", "2s", lateness="3s", allowed_skew="5s", align="500ms", follow_after="30s"),
    WindowSettings("1s", "500ms", lateness="0s", allowed_skew="0s"),
    WindowSettings("1h", lateness="10s", align="25min"),
    SessionSettings("2s", "20s", lateness="2s", allowed_skew="5s"),
    SessionSettings("7s", "8s", lateness="0s", allowed_skew="0s", follow_after="30s"),
    CountSettings(5, "", "30s", lateness="2s", allowed_skew="5s"),
    CountSettings(3, "speed", "10s", lateness="0s", follow_after="30s"),
    CountSettings(1, lateness="1s"),
]


def run(state: WindowState, items: list[Item]) -> list[Any]:
    return [out for item in items for out in state.push(item)]


def windows(out: list[Any]) -> list[Any]:
    return [row for block in out if isinstance(block, WindowBlock) for row in plain(block)]


@settings(max_examples=150, deadline=None)
@given(items=st.booleans().flatmap(streams), shape=st.sampled_from(SHAPES))
def test_agrees_with_the_oracle(items: list[Item], shape: AnyWindowSettings) -> None:
    oracle, state = Oracle(shape, TABLE), WindowState(shape)
    out: list[Any] = []
    for item in items:
        oracle.push(item)
        out += state.push(item)
        assert state.account().balanced
    assert windows(out) == oracle.closed
    late = [
        row
        for b in out
        if isinstance(b, LateBlock)
        for row in zip(b.samples.tag, b.samples.source_time, b.samples.value, b.window_start, b.window_end, strict=True)
    ]
    assert repr([(int(a), int(t), float(v), int(w), int(e)) for a, t, v, w, e in late]) == repr(oracle.late)
    books = state.account()
    assert (books.received, books.placed, books.late) == (oracle.received, oracle.placed, len(oracle.late))
    assert dict(books.dropped) == oracle.dropped
    assert [(e.kind, e.reason) for e in out if isinstance(e, Event)] == oracle.told
    told = [late_event(o) if isinstance(o, LateBlock) else o for o in out if isinstance(o, LateBlock | Event)]
    counted = {event.key: event for event in told if event.kind in {"late", "dropped"} and event.count}.values()
    assert sum(event.count for event in counted if event.kind == "late") == books.late
    skewed = dict(books.dropped).get(CLOCK_SKEW, 0)  # many and small: the books alone have them
    assert (
        sum(event.count for event in counted if event.kind == "dropped") == sum(dict(books.dropped).values()) - skewed
    )


@settings(max_examples=50, deadline=None)
@given(items=st.booleans().flatmap(streams), shape=st.sampled_from(SHAPES))
def test_a_restart_after_every_item_changes_nothing(items: list[Item], shape: AnyWindowSettings) -> None:
    undisturbed = text(run(WindowState(shape), items))
    state, out = WindowState(shape), []
    for item in items:
        out += state.push(item)
        state = WindowState.restore(state.snapshot(), shape)
    assert text(out) == undisturbed


@settings(max_examples=50, deadline=None)
@given(items=streams(), shape=st.sampled_from(SHAPES), cuts=st.data())
def test_blocks_in_order_may_be_split_anywhere_without_lateness(
    items: list[Item], shape: AnyWindowSettings, cuts: st.DataObject
) -> None:
    """Windows of an ordered stream do not depend on how it was cut into blocks."""
    blocks = [item for item in items if isinstance(item, SampleBatch) and len(item)]
    rows = sorted((t, int(g), float(v)) for b in blocks for t, g, v in zip(b.source_time, b.tag, b.value, strict=True))
    rows = [((t - T0) / S, g, v) for t, g, v in rows]
    whole: list[Any] = [block(row) for row in rows]
    parts: list[Any] = []
    at = 0
    while at < len(rows):
        size = cuts.draw(st.integers(1, 9))
        parts.append(block(*rows[at : at + size]))
        at += size
    one, other = (windows(run(WindowState(shape), stream)) for stream in (whole, parts))
    assert [replace(w, received=0) for w in one] == [replace(w, received=0) for w in other]


def test_window_knows_counts_coverage_and_who_decided() -> None:
    (first,) = [
        o for o in run(tumbling(), [*regular(12), block((12, 0, 1.0), received=12.5)]) if isinstance(o, WindowBlock)
    ]
    assert (first.start[0], first.end[0]) == (T0, T0 + 10 * S)
    assert first.grouped.n.tolist() == [10, 10, 10]
    assert first.grouped.coverage[:2].tolist() == [1.0, 0.5]
    assert np.isnan(first.grouped.coverage[2])  # no interval known
    assert first.decided_received == T0 + round(12.5 * S)
    assert not first.partial


def tumbling() -> WindowState:
    return WindowState(TUMBLING)


def test_coverage_is_at_most_one_and_not_judged_for_waveforms() -> None:
    table = TagTable("fan", (Tag("v", "mm/s", 0.1, waveform=True), Tag("t", "C", 10.0)))
    out = run(tumbling(), [block((1, 0, 1.0), (2, 1, 1.0), (3, 1, 1.0), table=table), block((12, 0, 1.0), table=table)])
    coverage = out[0].grouped.coverage
    assert np.isnan(coverage[0])
    assert coverage[1] == 1.0


def test_wild_timestamp_is_dropped_and_closes_nothing() -> None:
    state = tumbling()
    out = run(state, [block((1, 0, 1.0), (3600 * 24 * 365, 0, 9.0), received=1), block((2, 0, 2.0))])
    assert not windows(out)
    assert state.account() == Account("press", 3, 2, 0, (("clock_skew", 1),))


def test_samples_of_other_quality_are_counted_not_featurized() -> None:
    rows = [(1, 0, 5.0), (2, 0, 6.0, UNCERTAIN), (3, 0, float("nan")), (4, 1, float("inf"))]
    (window,) = windows(run(tumbling(), [block(*rows), block((12, 0, 1.0))]))
    assert window.samples == {0: [(1.0, 5.0)]}
    assert window.bad == {0: 2, 1: 1}


def test_a_window_of_bad_samples_alone_is_still_a_window() -> None:
    (window,) = windows(run(tumbling(), [block((1, 0, 5.0, UNCERTAIN)), block((12, 0, 1.0))]))
    assert (window.start, window.samples, window.bad) == (T0, {}, {0: 1})


def test_outage_of_a_day_gives_no_empty_windows() -> None:
    out = windows(run(tumbling(), [block((1, 0, 1.0)), block((86_400, 0, 1.0)), block((86_413, 0, 1.0))]))
    assert [window.start for window in out] == [T0, T0 + 86_400 * S]


def test_notices_close_windows_and_are_told_and_booked() -> None:
    state = tumbling()
    out = run(state, [block((1, 0, 1.0)), gap(2, 5), dropped(7), idle(12)])
    assert [window.start for window in windows(out)] == [T0]
    assert [(e.kind, e.reason, e.count) for e in out if isinstance(e, Event)] == [
        ("gap", "link_down", 0),
        ("dropped", "queue_full", 7),
    ]
    assert state.account() == Account("press", 8, 1, 0, (("queue_full", 7),))


def test_idle_before_any_data_makes_older_data_late() -> None:
    state = tumbling()
    out = run(state, [idle(25), block((1, 0, 1.0), (21, 0, 1.0), received=25)])
    (late,) = [o for o in out if isinstance(o, LateBlock)]
    assert late.window_start.tolist() == [T0]
    assert (state.account().late, state.account().placed) == (1, 1)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [(WindowSettings("20s", lateness="2s"), "window_settings"), (WindowSettings("10s", "5s"), "window_settings")],
)
def test_changed_windows_close_out_the_old_ones_as_partial(changed: WindowSettings, reason: str) -> None:
    state = tumbling()
    run(state, list(regular(16)))
    moved = WindowState.restore(state.snapshot(), changed)
    out = run(moved, list(regular(60, start=16)))
    first = out[0]
    assert isinstance(first, WindowBlock)
    assert first.partial
    assert first.start.tolist() == [T0 + 10 * S]
    assert first.grouped.n.tolist() == [6, 6, 6]
    assert (out[1].kind, out[1].reason) == ("migration", reason)
    later = [
        w for o in out[2:] if isinstance(o, WindowBlock) for w in zip(o.start.tolist(), o.end.tolist(), strict=True)
    ]
    assert all(start >= T0 + 16 * S and end - start == changed.length_ns for start, end in later)
    assert len(later) > 1
    assert moved.account().balanced
    assert moved.account().late == 3 * 4  # up to the next start of a window, at 20 s


def test_changed_tag_table_closes_out_the_old_windows() -> None:
    state = tumbling()
    run(state, list(regular(6)))
    table = TagTable("press", (Tag("speed"), Tag("current")))
    restored = WindowState.restore(state.snapshot(), TUMBLING)
    out = run(restored, [block((20, 0, 1.0), table=table), block((33, 0, 1.0), table=table)])
    partial, event, _, closed, _ = out
    assert (partial.partial, partial.tags, partial.grouped.n.tolist()) == (True, TABLE, [6, 6, 6])
    assert (event.kind, event.reason, event.count) == ("migration", "tag_table", 1)
    assert (closed.partial, closed.tags, closed.grouped.n.tolist()) == (False, table, [1, 0])


def test_changed_lateness_keeps_windows() -> None:
    state = tumbling()
    run(state, list(regular(6)))
    restored = WindowState.restore(state.snapshot(), WindowSettings("10s", lateness="5s"))
    out = run(restored, list(regular(10, start=6)))
    assert [w.start for w in windows(out)] == [T0]
    assert not any(isinstance(o, Event) for o in out)


@pytest.mark.parametrize("damage", [b"", b"SGW0" + bytes(50), b"\x80\x04pickle"])
def test_foreign_state_is_refused(damage: bytes) -> None:
    with pytest.raises(StateError, match="recovery state of the window step"):
        WindowState.restore(damage, TUMBLING)


def test_torn_state_is_refused() -> None:
    state = tumbling()
    run(state, list(regular(6)))
    data = state.snapshot()
    for size in range(len(data)):
        with pytest.raises(StateError):
            WindowState.restore(data[:size], TUMBLING)


def test_a_nanosecond_decides_what_is_late() -> None:
    state = tumbling()
    run(state, [block((12, 0, 1.0))])  # the watermark is at 10 s
    edge = T0 + 10 * S
    run(state, [block((12, 0, 1.0))])
    for time, late in ((edge, 0), (edge - 1, 1)):
        at = block((12, 0, 1.0))
        at.source_time[:] = time
        run(state, [at])
        assert state.account().late == late


def test_hundreds_of_segments_keep_apart() -> None:
    table = TagTable("many", tuple(Tag(f"t{i}") for i in range(100)))
    blocks: list[Item] = [
        block(
            *((second, tag, 1000.0 * second + tag) for second in range(1, 100, 10) for tag in range(100)), table=table
        ),
        block((120, 0, 0.0), table=table),
    ]
    found = windows(run(tumbling(), blocks))
    assert [w.samples for w in found] == [
        {tag: [(1.0, 1000.0 * second + tag)] for tag in range(100)} for second in range(1, 100, 10)
    ]


def test_many_tags_and_windows_take_the_wide_keys() -> None:
    tags = 4500
    table = TagTable("wide", tuple(Tag(f"t{i}", interval_s=1.0) for i in range(tags)))
    n = 3 * tags
    tag = np.tile(np.arange(tags, dtype=np.uint16), 3)[::-1].copy()
    time = T0 + np.arange(n) * (150 * S // n)
    blocks: list[Item] = [
        SampleBatch(table, tag, time, np.arange(n, dtype=float), np.zeros(n, np.uint32), int(time[-1])),
        block((200, 0, 0.0), table=table),
    ]
    oracle = Oracle(TUMBLING, table)
    for item in blocks:
        oracle.push(item)
    found = windows(run(tumbling(), blocks))
    assert len(found) == 15
    assert found == oracle.closed


def test_windows_of_an_asset_that_nobody_acquires_any_more_are_closed_out_and_it_may_come_back() -> None:
    state = WindowState(TUMBLING)
    run(state, [block((1, 0, 1.0), (2, 0, 2.0))])
    out = run(state, [Notice(NoticeKind.GAP, "press", REMOVED, T0 + 2 * S, T0 + 3 * S, 0, "intake")])
    (closed,) = [one for one in out if isinstance(one, WindowBlock)]
    assert closed.partial
    assert [event.kind for event in out if isinstance(event, Event)] == ["migration", "gap"]
    again = WindowState.restore(state.snapshot(), TUMBLING)
    run(again, [block((30, 0, 1.0)), idle(60)])
    account = again.account()
    assert (account.received, account.placed, account.late) == (3, 3, 0)
    assert account.balanced
