"""Windows filled from a history: placed where nothing was handed out, once, and booked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flows_streams import T0, S, backfill, block, gap, regular
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sink.records import Event
from connectors.samples import Item, Notice, NoticeKind, Origin, SampleBatch
from flows.alarms import AlertSettings
from flows.alarms.judges import Judges
from flows.blocks import LateBlock
from flows.past_windows import MOST_RUNS, HandedOut
from flows.window_block import WindowBlock
from flows.window_settings import WindowSettings
from flows.window_state import WindowState

TUMBLING = WindowSettings("10s", lateness="2s", allowed_skew="5s")
HOPPING = WindowSettings("10s", "2s", lateness="2s", allowed_skew="5s")


def past(*seconds: float, received: float) -> SampleBatch:
    return block(*((second, 0, second) for second in seconds), received=received, origin=Origin.BACKFILLED)


def run(state: WindowState, *items: Item) -> list[Any]:
    return [out for item in items for out in state.push(item)]


def starts(out: list[Any], *, backfilled: bool) -> list[int]:
    blocks = [one for one in out if isinstance(one, WindowBlock) and one.backfilled is backfilled]
    return [(int(start) - T0) // S for one in blocks for start in one.start]


def holed(shape: WindowSettings = TUMBLING) -> tuple[WindowState, list[Any]]:
    """Live up to 25 s and from 65 s on; the windows 30, 40 and 50 were never handed out."""
    state = WindowState(shape)
    return state, run(state, *regular(26), gap(25, 65), *regular(20, start=65))


def test_a_hole_is_placed_into_windows_of_its_own_and_its_edges_are_late() -> None:
    state, live = holed()
    assert starts(live, backfilled=False) == [0, 10, 20, 60, 70]
    out = run(state, past(27, 31, 35, 41, received=86), backfill(40), past(45, 55, 61, received=87))
    assert starts(out, backfilled=True) == [30]  # 40 goes on, and 20 and 60 were handed out
    assert [o.samples.source_time.tolist() for o in out if isinstance(o, LateBlock)] == [[T0 + 27 * S], [T0 + 61 * S]]
    out = run(state, backfill(65, "finished"))
    assert starts(out, backfilled=True) == [40, 50]
    (first,) = [o for o in out if isinstance(o, WindowBlock)]
    assert (first.sizes.tolist(), first.decided_received) == ([2, 1], T0 + 87 * S)
    assert [(o.kind, o.reason) for o in out if isinstance(o, Event)] == [("backfill", "finished")]
    books = state.account()
    assert books.balanced
    assert (books.late, books.placed) == (2, 3 * 46 + 5)


def test_what_lies_in_a_window_that_is_still_open_joins_the_live_samples() -> None:
    state, _ = holed()
    run(state, past(81, received=86))
    out = run(state, *regular(10, start=85))
    (window,) = [o for o in out if isinstance(o, WindowBlock)]
    assert starts(out, backfilled=False) == [80]
    assert T0 + 81 * S in window.time.tolist()


def test_a_window_is_never_handed_out_twice_though_the_history_comes_twice() -> None:
    state, _ = holed()
    again = (past(31, 35, received=86), backfill(65, "finished"))
    assert starts(run(state, *again), backfilled=True) == [30]
    assert starts(run(state, *again), backfilled=True) == []
    assert (state.account().late, state.account().balanced) == (2, True)


def test_a_killed_acquirer_leaves_no_window_open_for_ever() -> None:
    state, _ = holed()
    run(state, past(31, received=86))
    down = Notice(NoticeKind.GAP, "press", "acquirer_down", T0 + 84 * S, T0 + 99 * S, 0, "intake")
    assert starts(run(state, down), backfilled=True) == [30]


def test_a_migration_closes_filled_windows_out_as_partial() -> None:
    state, _ = holed()
    run(state, past(31, received=86))
    moved = WindowState.restore(state.snapshot(), WindowSettings("20s", lateness="2s"))
    out = run(moved, past(33, received=87))
    first = out[0]
    assert (first.partial, first.backfilled, starts(out[:1], backfilled=True)) == (True, True, [30])
    assert (moved.account().late, moved.account().balanced) == (1, True)


def test_without_any_window_handed_out_nothing_is_known_to_be_a_hole() -> None:
    state = WindowState(TUMBLING)
    run(state, block((100, 0, 1.0)), past(31, received=101))
    assert (state.account().late, state.account().balanced) == (1, True)


def test_filled_windows_open_no_alert() -> None:
    state = Judges(AlertSettings(open_after=1, quality_after=1))

    class Block:
        partial, backfilled = False, True

    assert state.push(Block()) == []  # type: ignore[arg-type]


@st.composite
def holey(draw: st.DrawFn) -> list[Item]:
    """Live stretches and holes; backfill of any time, at any time, in any order."""
    items: list[Item] = []
    now = 0
    for _ in range(draw(st.integers(2, 15))):
        kind = draw(st.sampled_from(["live", "live", "hole", "past", "past", "told"]))
        if kind == "live":
            n = draw(st.integers(1, 30))
            items += regular(n, start=now)
            now += n
        elif kind == "hole":
            now += draw(st.integers(5, 200))
        elif kind == "past":
            times = draw(st.lists(st.integers(-20, now), min_size=1, max_size=12))
            items.append(past(*times, received=now))
        else:
            items.append(backfill(draw(st.integers(0, now)), draw(st.sampled_from(["advanced", "finished", "partly"]))))
    return items


@settings(max_examples=150, deadline=None)
@given(items=holey(), shape=st.sampled_from([TUMBLING, HOPPING]))
def test_no_window_is_handed_out_twice_and_the_books_balance_whatever_comes(
    items: list[Item], shape: WindowSettings
) -> None:
    state, restarted = WindowState(shape), WindowState(shape)
    out: list[Any] = []
    again: list[Any] = []
    for item in items:
        out += state.push(item)
        again += restarted.push(item)
        restarted = WindowState.restore(restarted.snapshot(), shape)
        assert state.account().balanced
    out += state.push(backfill(10_000, "finished"))
    again += restarted.push(backfill(10_000, "finished"))
    closed = starts(out, backfilled=False) + starts(out, backfilled=True)
    assert len(closed) == len(set(closed))
    assert state.account() == restarted.account()
    assert starts(again, backfilled=True) == starts(out, backfilled=True)
    lost = [t for o in out if isinstance(o, LateBlock) for t in o.samples.source_time.tolist()]
    assert len(lost) == state.account().late
    if shape is TUMBLING:  # a sample that was placed stands in exactly one window that closed, or in one that is open
        held = sum(int(o.sizes.sum()) for o in out if isinstance(o, WindowBlock))
        assert held + state.samples == state.account().placed


@pytest.mark.parametrize("steady", [True, False])
def test_what_was_handed_out_is_remembered_in_little(steady: bool) -> None:
    known = HandedOut(10)
    step = 10 if steady else 20
    for start in range(0, 40 * MOST_RUNS * step, step):
        known.add(np.array([start]))
    runs = known.to_json()["runs"]
    assert len(runs) == (1 if steady else MOST_RUNS)
    newest = 40 * MOST_RUNS * step - step
    asked = np.array([0, newest - step, newest - step + 10, newest, newest + 10])
    assert known.free(asked).tolist() == [False, False, not steady, False, True]
    assert HandedOut.from_json(10, known.to_json()).to_json() == known.to_json()
