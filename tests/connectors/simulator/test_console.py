"""Commands and their answers, and the grid of real time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from connectors.simulator.console import Console
from connectors.simulator.faults import Fault
from connectors.simulator.plant import Pace, PlantSettings
from connectors.simulator.station import STEP_NS, TICK_NS, Station


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, serve: bool = False) -> None:
        self.answers: list[dict[str, Any]] = []
        self.station = Station(1, 0)
        self.stop = asyncio.Event()
        monkeypatch.setattr("os.write", lambda _, line: self.answers.append(json.loads(line)))
        self.console = Console(self.station, Pace(0.0, 0.0), self.stop, serve=serve)


def test_inject_says_when_the_first_samples_can_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    bench.station.advance(3)
    bench.console.obey("inject drift pump-2")
    bench.console.obey("inject dropout")
    assert [(a["event"], a["fault"], a["asset"], a["time"]) for a in bench.answers] == [
        ("injected", "drift", "pump-2", 2 * STEP_NS),
        ("injected", "dropout", "pump-1", 2 * STEP_NS),
    ]
    assert Fault.DROPOUT in bench.station.board.severities("pump-1", 2 * STEP_NS)
    bench.console.obey("clear")
    assert bench.answers[-1]["event"] == "cleared"
    assert bench.station.board.severities("pump-1", 2 * STEP_NS) == {}


@pytest.mark.parametrize(
    "line", ["", "inject", "inject rust", "inject drift tank-1", "inject drift pump-1 now", "write 1"]
)
def test_nonsense_is_answered_and_does_nothing(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    bench = Bench(monkeypatch)
    bench.console.obey(line)
    assert [answer["event"] for answer in bench.answers] == ["error"]
    assert not bench.stop.is_set()


@pytest.mark.parametrize(("line", "serve", "stops"), [("quit", True, True), (None, False, True), (None, True, False)])
def test_end(monkeypatch: pytest.MonkeyPatch, line: str | None, serve: bool, stops: bool) -> None:
    bench = Bench(monkeypatch, serve=serve)
    bench.console.obey(line)
    assert bench.stop.is_set() is stops


def test_pace_keeps_its_grid_and_counts_what_began_late() -> None:
    tick = TICK_NS / 1e9
    pace = Pace(100.0, 0.02)
    assert pace.next(100.0) == pytest.approx(0.02 + tick)
    assert pace.next(100.02 + 1.4 * tick) == pytest.approx(0.6 * tick)
    assert pace.next(100.02 + 3.5 * tick) == 0.0
    assert pace.late_ticks == 0
    assert pace.next(100.02 + 5.5 * tick) == 0.0
    assert pace.late_ticks == 1
    assert pace.next(100.02 + 4.5 * tick) == pytest.approx(0.5 * tick)  # the grid has not moved


@pytest.mark.parametrize("wrong", [{"opcua_port": -1}, {"modbus_port": 70_000}, {"seed": -3}])
def test_impossible_settings_are_refused(tmp_path: Any, wrong: dict[str, int]) -> None:
    (name, value), *_ = wrong.items()
    with pytest.raises(ValueError, match=f"{name} {value}"):
        PlantSettings(folder=tmp_path, **wrong)  # type: ignore[arg-type]
