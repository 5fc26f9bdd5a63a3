"""Fault A12: clocks of the device and of the gateway, wrong for a moment or set for good."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flows_kinds import KINDS
from flows_streams import T0, YEAR, S, block, idle

from cloud_sink.records import Event
from connectors.samples import Item, Notice, NoticeKind, Origin, SampleBatch
from flows.blocks import LateBlock
from flows.window_block import WindowBlock
from flows.window_settings import WindowSettings
from flows.window_state import WindowState

FOLLOW = WindowSettings("10s", lateness="2s", allowed_skew="5s", follow_after="20s")
HOUR = 3600.0


def ticks(start: int, end: int, device: float = 0.0, gateway: float = 0.0) -> list[Item]:
    """One block a second; both clocks may be off."""
    return [block((second + device, 1, float(second)), received=second + gateway) for second in range(start, end)]


def run(state: WindowState, items: list[Item]) -> list[Any]:
    out = []
    for item in items:
        out += state.push(item)
        assert state.account().balanced
    return out


def clocks(out: list[Any]) -> list[Event]:
    return [one for one in out if isinstance(one, Event) and one.kind == "clock"]


def spans(out: list[Any], *, partial: bool = False) -> list[tuple[int, int]]:
    """Start and end of closed windows, ns since T0."""
    blocks = [one for one in out if isinstance(one, WindowBlock) and one.partial is partial]
    return [(int(a) - T0, int(b) - T0) for one in blocks for a, b in zip(one.start, one.end, strict=True)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wild", [-HOUR, YEAR])
def test_one_wild_sample_of_the_device_moves_no_window(kind: str, wild: float) -> None:
    items = ticks(0, 60)
    calm = run(WindowState(KINDS[kind]), items)
    items[30:30] = ticks(30, 31, device=wild)
    state = WindowState(KINDS[kind])
    out = run(state, items)
    assert spans(out) == spans(calm)
    assert not clocks(out)
    books = state.account()
    assert (books.late + dict(books.dropped).get("clock_skew", 0), books.placed) == (1, 60)


@pytest.mark.parametrize(("set_by", "reason"), [(-HOUR, "set_back"), (YEAR, "set_ahead")])
def test_a_device_clock_set_for_good_is_followed_within_the_configured_time(set_by: float, reason: str) -> None:
    state = WindowState(FOLLOW)
    out = run(state, [*ticks(0, 45), *ticks(45, 100, device=set_by)])
    (event,) = clocks(out)
    assert (event.reason, event.count) == (reason, 1)
    assert (event.start, event.end) == (T0 + 44 * S, T0 + round((65 + set_by) * S))
    assert [start for start, _ in spans(out, partial=True)] == [40 * S]
    after = [start for start, _ in spans(out) if start not in range(45 * S)]
    assert after == [round((second + set_by) * S) for second in (60, 70, 80)]
    books = state.account()
    assert books.late + dict(books.dropped).get("clock_skew", 0) == 20
    assert books.placed == 45 + 35


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_kind_a_clock_that_comes_back_is_followed_back(kind: str) -> None:
    state = WindowState(KINDS[kind])
    out = run(state, [*ticks(0, 45), *ticks(45, 100, device=YEAR), *ticks(100, 150)])
    assert [event.reason for event in clocks(out)] == ["set_ahead", "set_back"]
    assert state.account().placed == 150 - 6 - 6
    out += run(state, ticks(150, 260))
    starts = [start for start, _ in spans(out)]
    assert max(starts[-3:]) < 260 * S
    assert len(set(spans(out))) == len(spans(out)), "no record has the key of another"
    assert len(set(spans(out, partial=True))) == len(spans(out, partial=True))


def test_the_gateways_own_clock_a_year_ahead_for_a_while_and_then_set_right() -> None:
    """A poll is stamped by the gateway, so that both times jump: nothing is skewed, all closes, then all is late."""
    state = WindowState(FOLLOW)
    out = run(state, [*ticks(0, 45), *ticks(45, 48, device=YEAR, gateway=YEAR), *ticks(48, 100)])
    (event,) = clocks(out)
    assert event.reason == "set_back"
    assert state.account().late == 20
    assert state.account().placed == 80
    assert [start // S for start, _ in spans(out)][-3:] == [60, 70, 80]
    assert all((end - start) == 10 * S for start, end in spans(out)), "a time that is new runs on the grid"


def test_a_gateway_that_wakes_up_in_another_age_accepts_its_devices_and_is_set_right() -> None:
    state = WindowState(FOLLOW)
    out = run(state, [*ticks(0, 40, gateway=-50 * YEAR), *ticks(40, 80)])
    assert [event.reason for event in clocks(out)] == ["set_ahead"]
    assert (state.account().placed, state.account().dropped) == (60, (("clock_skew", 20),))
    run(state, ticks(80, 81, device=30.0))
    assert state.account().dropped == (("clock_skew", 21),), "the guard is as tight as ever once both clocks agree"


def test_a_time_lived_twice_gives_windows_with_keys_of_their_own() -> None:
    state = WindowState(FOLLOW)
    out = run(state, [*ticks(0, 100), *ticks(100, 160, device=-60.0)])
    twice = [(start // S, end) for start, end in spans(out) if start == 70 * S]
    assert twice == [(70, 80 * S), (70, 80 * S - 1)]
    (held,) = [o.held for o in out if isinstance(o, WindowBlock) and int(o.end[0]) == T0 + 70 * S - 1]
    assert held[0, 1] != held[0, 1], "what was in force an hour later says nothing"


@pytest.mark.parametrize(("kind", "set_by"), [("session", -52.0), ("count of a tag", -58.0)])
def test_windows_of_the_same_samples_lived_twice_have_keys_of_their_own(kind: str, set_by: float) -> None:
    state = WindowState(KINDS[kind])
    both = spans(run(state, [*ticks(0, 100), *ticks(100, 160, device=set_by)]))
    starts = [start for start, _ in both]
    assert len(starts) > len(set(starts)), "the same samples"
    assert len(both) == len(set(both))


def test_some_samples_in_time_keep_the_clock() -> None:
    state = WindowState(FOLLOW)
    items: list[Item] = [
        block((second - HOUR, 0, 1.0), *([(second, 1, 1.0)] if second % 21 == 0 else []), received=second)
        for second in range(200)
    ]
    assert not clocks(run(state, items))
    assert state.account().late + state.account().placed == 200 + 10


@pytest.mark.parametrize("origin", [Origin.REPLAYED, Origin.BACKFILLED])
def test_old_samples_that_are_not_live_say_nothing_about_clocks(origin: Origin) -> None:
    state = WindowState(FOLLOW)
    old = [block((second, 0, 1.0), received=200 + second, origin=origin) for second in range(-100, 0)]
    assert not clocks(run(state, [*ticks(0, 60), *old]))


def test_stragglers_of_a_slow_asset_are_no_clock() -> None:
    """Silence has closed the windows; what comes is a little older, again and again."""
    state = WindowState(FOLLOW)
    run(state, [block((0, 0, 1.0)), idle(60)])
    slow = [block((-3, 0, 1.0), received=60 + 100 * n) for n in range(5)]
    out = run(state, slow)
    assert not clocks(out)
    assert sum(len(o.samples) for o in out if isinstance(o, LateBlock)) == 5


def test_an_idle_notice_that_still_counts_in_the_old_time_is_understood() -> None:
    state = WindowState(FOLLOW)
    run(state, [*ticks(0, 45), *ticks(45, 50, device=YEAR, gateway=YEAR), *ticks(50, 100)])
    newest = T0 + round((49 + YEAR) * S)
    out = run(state, [Notice(NoticeKind.IDLE, "press", "idle", newest, newest + 15 * S)])
    assert [start // S for start, _ in spans(out)] == [90]
    run(state, ticks(115, 120))
    assert state.account().late == 20


def test_a_clock_set_back_in_the_midst_of_a_stretch_starts_it_anew() -> None:
    state = WindowState(FOLLOW)
    late = ticks(45, 60, device=-HOUR)
    again = [replace_received(item, 30 * S) for item in ticks(60, 85, device=-HOUR)]
    assert not clocks(run(state, [*ticks(0, 45), *late, *again[:20]]))
    assert len(clocks(run(state, again[20:]))) == 1


def replace_received(item: Item, earlier: int) -> SampleBatch:
    assert isinstance(item, SampleBatch)
    return replace(item, received_time=item.received_time - earlier)
