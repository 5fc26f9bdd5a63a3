"""Fault B1: the flow is killed at every block of a stream, and says what it says undisturbed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flows_gateway import MeanScorer, keyed, recovery, run
from flows_kinds import KINDS
from flows_mortal import Bomb, MortalGateway, facts, run_or_die
from flows_streams import backfill, eventful
from flows_text import text

from cloud_sink.records import Event, WindowSummary
from connectors.samples import Item
from flows import AlertSettings, condition_monitoring
from flows.window_kinds import AnyWindowSettings
from flows.window_state import WindowState


def gateway(items: list[Any], windows: AnyWindowSettings) -> MortalGateway:
    scorers = {"press": MeanScorer(), "fan": MeanScorer(1.0)}
    return MortalGateway(items, scorers, windows, AlertSettings(open_after=1, clear_after=1))


def undisturbed(kind: str) -> MortalGateway:
    g = gateway(keyed(eventful()), KINDS[kind])
    run(condition_monitoring.build(g))
    assert {"gap", "dropped", "late", "backfill", "clock"} <= {event.kind for event in g.records(Event)}
    assert len(g.records(WindowSummary)) > 8
    return g


@pytest.mark.parametrize("kind", KINDS)
def test_killed_while_it_takes_in_each_item_it_says_the_same(tmp_path: Path, kind: str) -> None:
    items: list[Any] = keyed(eventful())
    killed = gateway(items, KINDS[kind])
    store = recovery(tmp_path / "recovery")
    for at in range(len(items)):  # the store goes on from one kill to the next
        killed.items = [*items[:at], [items[at], (Bomb.asset, Bomb())]]
        assert not run_or_die(killed, store)
    killed.items = items
    assert run_or_die(killed, store)
    assert facts(killed) == facts(undisturbed(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_killed_whenever_it_has_written_something_it_says_the_same(tmp_path: Path, kind: str) -> None:
    killed = gateway(keyed(eventful()), KINDS[kind])
    store = recovery(tmp_path / "recovery")
    for kills in range(100):
        killed.batches = 6 + kills % 3  # one item causes five at most, so that every run gets somewhere
        if run_or_die(killed, store):
            break
    calm = undisturbed(kind)
    assert 3 < kills < 99
    assert len(killed.out) > len(calm.out), "much was written twice"
    assert facts(killed) == facts(calm)


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_taken_up_from_its_bytes_after_every_item_does_the_same(kind: str) -> None:
    items: list[Item] = [item for item in eventful() if item.asset == "press"]
    items.append(backfill(10_000, "finished"))
    calm = WindowState(KINDS[kind])
    said = [text(calm.push(item)) for item in items]
    for at in range(len(items)):
        first = WindowState(KINDS[kind])
        for item in items[:at]:
            first.push(item)
        state = WindowState.restore(first.snapshot(), KINDS[kind])
        assert state.snapshot() == first.snapshot()
        assert [text(state.push(item)) for item in items[at:]] == said[at:]
