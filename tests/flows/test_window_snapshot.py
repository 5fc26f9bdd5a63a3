"""Recovery state of windows: what earlier versions wrote is read, and stays small."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import pytest
from flows_kinds import KINDS
from flows_streams import T0, TABLE, S, backfill, eventful, regular
from flows_text import text

from cloud_sink.records import Account, Event
from connectors.samples import Item, Origin
from flows.errors import StateError
from flows.window_block import WindowBlock
from flows.window_settings import WindowSettings
from flows.window_state import WindowState

# What version 1 of the format wrote after: a press sampled every second up to 16 s and from 40 to 46 s, a gap between,
# one sample of 25 s from a history; tumbling windows of 10 s, 2 s late. Written by the code of that time.
VERSION_1 = (
    "c-n=K!Aiq07{@aa+#7f;!HXcH1GlNC3F;m|L3E57x36>1rX^`Rq!h%1SG{=>_6Q!u(*z&HClC)_1(P)0Iu=+C{rCHQ|NQeMr=9cq"
    "Sp}gVgiwkJ=Mdoo3x^Ci$2%7GfDWS@C+33I?R*Ig39#EG8iYU{mj%AWtsL*#vn3o9#=xU;yHRd4=))+1fiN^%q7FUMpI07<K>SPN"
    "fCXWwI%y_KPW;dVHO-#fM${Q8cD*2ArPJ(%VOUJ%mTuSBE?|8Qd%eXOXP0P}V@tzindwa<GF0cLm=a&!2=`;gfJU+z(~)u?%3?$#"
    "U<vUYl~$AKW0HUyF!{tT@i>U<&vSSPVz5#Q3;m@WyVh8hGmy_#iZNsuXX#}KRnQt*@qM~@*m!x~T+++m52J29{u%Xqd%tSZx6jC^"
    "_s*+P<+?j+E1i&BEt)Gj&ULDJTk|{3zcjxp{3lwkwXg7NZfQO#{2iUE`Bd@uPIbMQ4B_@a_A2ev"
)
TUMBLING = WindowSettings("10s", lateness="2s", allowed_skew="5s")


def first_version() -> bytes:
    return zlib.decompress(base64.b85decode(VERSION_1))


def test_state_of_the_first_version_goes_on() -> None:
    assert first_version()[:4] == b"SGW1"
    state = WindowState.restore(first_version(), TUMBLING)
    assert state.account() == Account("press", 67, 67, 0, ())
    out = [one for item in [backfill(40, "finished"), *regular(10, start=46)] for one in state.push(item)]
    past, live = (one for one in out if isinstance(one, WindowBlock))
    assert (past.backfilled, past.start.tolist(), past.sizes.tolist()) == (True, [T0 + 20 * S], [1])
    assert past.origins.tolist() == [[1 << Origin.BACKFILLED, 0, 0]]
    assert (live.start.tolist(), live.grouped.n.tolist()) == ([T0 + 40 * S], [10, 10, 10])
    assert state.account().balanced
    assert state.snapshot()[:4] == b"SGW2"


def test_state_of_the_first_version_is_closed_out_for_windows_of_another_kind() -> None:
    state = WindowState.restore(first_version(), KINDS["session"])
    out = [one for item in regular(30, start=46) for one in state.push(item)]
    past, live, event = out[:3]
    assert (past.partial, past.start.tolist()) == (True, [T0 + 20 * S])
    assert (live.partial, live.start.tolist(), live.grouped.n.tolist()) == (True, [T0 + 40 * S], [6, 6, 6])
    assert (event.kind, event.reason, event.count) == ("migration", "window_settings", 2)
    assert state.account().balanced


@pytest.mark.parametrize("new", KINDS)
@pytest.mark.parametrize("old", KINDS)
def test_a_change_of_kind_on_restart_closes_out_and_loses_nothing(old: str, new: str) -> None:
    items: list[Item] = [item for item in eventful() if item.asset == "press"]
    for at in range(1, len(items)):
        state = WindowState(KINDS[old])
        out: list[Any] = [one for item in items[:at] for one in state.push(item)]
        state = WindowState.restore(state.snapshot(), KINDS[new])
        moved = [one for item in items[at:] for one in state.push(item)]
        assert state.account().balanced
        migrations = [one for one in moved if isinstance(one, Event) and one.kind == "migration"]
        assert len(migrations) == (old != new)
        keys = [
            (int(start), int(end), one.partial)
            for one in [*out, *moved]
            if isinstance(one, WindowBlock)
            for start, end in zip(one.start, one.end, strict=True)
        ]
        assert len(keys) == len(set(keys)), "no window is reported twice"


def test_values_in_force_outlive_a_change_of_kind() -> None:
    state = WindowState(TUMBLING)
    for item in regular(16):
        state.push(item)
    state = WindowState.restore(state.snapshot(), KINDS["session"])
    out = [one for item in regular(30, start=16) for one in state.push(item)]
    first = [one for one in out if isinstance(one, WindowBlock)][1]
    assert first.held is not None
    assert first.held[0].tolist() == [16.0, 116.0, 216.0]


def test_a_kind_that_is_not_known_is_refused() -> None:
    state = WindowState(KINDS["count"])
    for item in regular(3):
        state.push(item)
    data = state.snapshot().replace(b'"kind": "count"', b'"kind": "taunt"')
    with pytest.raises(StateError, match="windows of kind 'taunt' are not known"):
        WindowState.restore(data, TUMBLING)


@pytest.mark.parametrize("kind", KINDS)
def test_torn_state_of_any_kind_is_refused(kind: str) -> None:
    state = WindowState(KINDS[kind])
    for item in eventful():
        if item.asset == "press":
            state.push(item)
    data = state.snapshot()
    for size in range(len(data)):
        with pytest.raises(StateError):
            WindowState.restore(data[:size], KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_an_hour_of_samples_leaves_memory_and_state_flat(kind: str) -> None:
    """Fault A19: what is held is bounded by the windows that are open, however long the stream."""
    state = WindowState(KINDS[kind])
    most_samples, sizes = 0, []
    for block in regular(3600, per_block=5):
        state.push(block)
        most_samples = max(most_samples, state.samples)
        sizes.append(len(state.snapshot()))
    assert most_samples <= 3 * 40
    assert max(sizes[-60:]) <= max(sizes[60:120]) + 16, "but for digits of the counters"
    assert max(sizes) < 6000
    assert state._windows._buffer._tag.size <= 1024


def test_tables_of_tags_stand_in_it() -> None:
    state = WindowState(TUMBLING)
    for item in regular(3):
        state.push(item)
    assert WindowState.restore(state.snapshot(), TUMBLING)._tags == TABLE
    assert text(state.push(regular(1, start=30)[0])) != []
