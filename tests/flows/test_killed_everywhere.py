"""Fault B1: the flow is killed at every block of a stream, and says what it says undisturbed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bytewax.errors import BytewaxRuntimeError
from bytewax.inputs import StatefulSourcePartition
from bytewax.outputs import StatelessSinkPartition
from bytewax.recovery import RecoveryConfig
from bytewax.testing import TestingSink, TestingSource
from flows_gateway import ListGateway, MeanScorer, keyed, recovery, run
from flows_kinds import KINDS
from flows_streams import backfill, eventful
from flows_text import text

from cloud_sink.records import Account, Event, WindowSummary
from connectors.samples import Item
from flows import AlertSettings, condition_monitoring
from flows.window_kinds import AnyWindowSettings
from flows.window_state import WindowState


class KilledError(Exception):
    """Stands for kill -9: nothing is cleaned up, nothing is committed."""


class Bomb:
    """An item in whose poll the flow dies: after its windows have taken in all else, before anything is committed."""

    asset = "zzz"  # states are called in the order of their keys

    @property
    def tags(self) -> None:
        raise KilledError


class Polls(TestingSource[Any]):
    """Each item is a list that is handed out in one poll."""

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Any:
        polls = self.polls

        class Part(StatefulSourcePartition[Any, int]):
            at = resume_state or 0

            def next_batch(self) -> list[Any]:
                if self.at >= len(polls):
                    raise StopIteration
                self.at += 1
                return polls[self.at - 1]

            def snapshot(self) -> int:
                return self.at

        return Part()

    def __init__(self, polls: list[list[Any]]) -> None:
        super().__init__([])
        self.polls = polls


class DyingSink(TestingSink[Any]):
    """Takes so many batches, and dies when it has written one more."""

    def __init__(self, out: list[Any], batches: int) -> None:
        super().__init__(out)
        self.out, self.left = out, batches

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSinkPartition[Any]:
        sink = self

        class Part(StatelessSinkPartition[Any]):
            def write_batch(self, items: list[Any]) -> None:
                sink.out += items
                if not sink.left:
                    raise KilledError
                sink.left -= 1

        return Part()


@dataclass
class MortalGateway(ListGateway):
    """Lets a number of batches through to the sink."""

    batches: int = 1_000_000

    def source(self) -> TestingSource[Any]:
        return Polls([item if isinstance(item, list) else [item] for item in self.items])

    def sink(self) -> TestingSink[Any]:
        return DyingSink(self.out, self.batches)


def gateway(items: list[Any], windows: AnyWindowSettings) -> MortalGateway:
    scorers = {"press": MeanScorer(), "fan": MeanScorer(1.0)}
    return MortalGateway(items, scorers, windows, AlertSettings(open_after=1, clear_after=1))


def run_or_die(g: MortalGateway, store: RecoveryConfig) -> bool:
    """Whether it came to the end."""
    try:
        run(condition_monitoring.build(g), store)
    except KilledError:
        return False
    except BytewaxRuntimeError as error:
        if not isinstance(error.__cause__, KilledError):
            raise
        return False
    return True


def facts(g: ListGateway) -> dict[str, bytes]:
    """Every record by key, and the last account of each asset: what the outbox would hold."""
    records: dict[str, bytes] = {}
    for _, record in g.out:
        if isinstance(record, Account):
            assert record.balanced
            records[f"account/{record.asset}"] = repr(record).encode()
        else:
            assert records.setdefault(record.key, record.encode()) == record.encode(), "one key, two records"
    return records


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
