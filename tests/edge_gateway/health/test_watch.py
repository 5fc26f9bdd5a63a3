"""Who is killed, who is not, and what the service manager hears of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_gateway.notify import Notifier
from edge_gateway.status import SUPERVISOR, read_status
from edge_gateway.watch import START_S, Watch
from tests.edge_gateway.health.looks import NOW, acquire, deliver, flow, gateway, mono, status

LIVING = {"acquire": 7, "flow": 7, "deliver": 7, "page": 7}


class Heard(Notifier):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__("", 30.0)
        self.words: list[str] = []

    def _send(self, text: str) -> None:
        self.words.append(text)


class Bench:
    """A watch over statuses that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.statuses: dict[str, dict[str, Any]] = {**gateway(), "page": status()}
        self.clock = 100.0
        self.heard = Heard()
        self.watch = Watch(folder, self.heard, lambda _: self.statuses, lambda: NOW, lambda: self.clock)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_gateway_that_works_is_told_ready_once_and_alive_at_every_look(bench: Bench) -> None:
    assert [bench.watch.look(LIVING) for _ in range(3)] == [{}, {}, {}]
    assert bench.heard.words == ["STATUS=ready", "READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]


def test_before_the_processes_live_nothing_is_ready_and_the_watchdog_hears_nothing(bench: Bench) -> None:
    bench.statuses = {}
    bench.watch.look({"acquire": 7})
    assert bench.heard.words == [
        "STATUS=unhealthy; acquire: not running; flow: not running; deliver: not running",
    ]


@pytest.mark.parametrize(
    ("role", "made"),
    [("acquire", acquire(31)), ("flow", flow(31)), ("deliver", deliver(31)), ("page", status(31))],
)
def test_each_process_that_hangs_is_killed_at_the_second_look(bench: Bench, role: str, made: dict[str, Any]) -> None:
    bench.statuses[role] = made
    assert bench.watch.look(LIVING) == {}
    assert bench.watch.look(LIVING) == {role: "no sign of life for 31 s"}
    assert bench.watch.wedges == {role: 1}
    alive = bench.heard.words.count("WATCHDOG=1")
    assert alive == (2 if role == "page" else 0), "the page has no part in the verdict"


def test_further_processes_of_a_cluster_have_no_status_to_be_judged_by(bench: Bench) -> None:
    bench.watch.born("flow-1", 9)
    bench.clock += START_S + 1
    assert [bench.watch.look({**LIVING, "flow-1": 9}) for _ in range(3)] == [{}, {}, {}]


def test_one_late_look_after_a_pause_of_the_machine_kills_nobody(bench: Bench) -> None:
    bench.statuses |= {"acquire": acquire(500), "flow": flow(500), "deliver": deliver(500)}
    assert bench.watch.look(LIVING) == {}
    bench.statuses = gateway()
    assert bench.watch.look(LIVING) == {}
    bench.statuses["flow"] = flow(31)
    assert bench.watch.look(LIVING) == {}


def test_a_process_that_beats_without_getting_on_is_killed(bench: Bench) -> None:
    bench.statuses["flow"] = flow(read=0, read_at=mono(90))
    bench.watch.look(LIVING)
    assert list(bench.watch.look(LIVING)) == ["flow"]


def test_what_a_predecessor_left_does_not_count_against_its_successor(bench: Bench) -> None:
    bench.statuses["flow"] = flow(300)
    bench.watch.born("flow", 8)
    living = {**LIVING, "flow": 8}
    assert [bench.watch.look(living) for _ in range(3)] == [{}, {}, {}]
    bench.clock += START_S + 1
    bench.watch.look(living)
    assert bench.watch.look(living) == {"flow": "no first sign of life for 601 s"}


def test_restarts_and_wedges_are_in_its_own_status(bench: Bench, tmp_path: Path) -> None:
    bench.watch.born("flow", 7)
    bench.watch.look(LIVING)
    assert read_status(tmp_path, SUPERVISOR)["restarts"] == {}
    bench.watch.born("flow", 8)
    bench.watch._status.beat(now=True)
    assert json.loads((tmp_path / "supervisor.json").read_text())["restarts"] == {"flow": 1}
