"""`sluicegate status` and `top`: a gateway at a glance, from its files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import Origin, SampleBatch
from edge_gateway import status as status_files
from edge_gateway.cli import app
from edge_gateway.commands.status import top_command
from edge_gateway.config.load import load
from edge_gateway.expectations import Expectation, expectations
from edge_gateway.live import Tag
from edge_gateway.overview import Onlook, trouble_of
from edge_gateway.status import StatusFile
from edge_gateway.tables import tag_tables
from edge_gateway.verdict import Now
from tests.edge_gateway.bundles import CONFIG

SECOND = 10**9
DELIVER = {
    "backlog": {"alert": {"records": 2, "bytes": 100, "oldest": 1}},
    "targets": {"file": {"uplink_up": True, "trouble": "", "last_success": 1}},
}
POLLED = Expectation(0.1, is_least=True, silent_s=5.0)


NOW = Now.read()


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still: a slow machine makes no tag silent and no process gone."""
    monkeypatch.setattr(Now, "read", classmethod(lambda cls: NOW))
    monkeypatch.setattr(status_files.time, "time_ns", lambda: NOW.wall)
    monkeypatch.setattr(status_files.time, "monotonic_ns", lambda: NOW.mono)


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    text = CONFIG.replace('[[model]]\nassets = ["mill"]\nname = "press"\n', "")
    (tmp_path / "gateway.toml").write_text(text + "\n[page]\nenabled = false\n")
    return tmp_path / "gateway.toml"


def beat(gateway: Path, **facts: dict[str, Any]) -> None:
    """What the processes say of themselves, as of now."""
    said: dict[str, dict[str, Any]] = {"acquire": {}, "flow": {"passing": True}, "deliver": DELIVER}
    for role, usual in said.items():
        body = usual | facts.get(role, {})
        StatusFile(gateway.parent / "data" / "status", role, lambda body=body: body).beat()


def fill(gateway: Path, *, ago_s: float = 0.0, status: int = 0, seconds: int = 20, every_s: float = 0.1) -> None:
    """Samples of flow up to now, of power none."""
    (table,) = tag_tables(load(gateway))
    end = NOW.wall - round(ago_s * SECOND)
    folder = gateway.parent / "data" / "journal"
    with JournalWriter(folder, [table], JournalSettings()) as writer:
        for at in range(end - seconds * SECOND, end + 1, round(every_s * SECOND)):
            times = np.array([at], np.int64)
            codes = np.full(1, status, np.uint32)
            writer.append([SampleBatch(table, np.zeros(1, np.uint16), times, np.full(1, 5.0), codes, at)])


def status(gateway: Path, *options: str) -> tuple[int, Any]:
    result = CliRunner().invoke(app, ["status", str(gateway), *options])
    return result.exit_code, json.loads(result.stdout) if "--json" in options else result.output


def test_one_that_never_ran(gateway: Path) -> None:
    code, told = status(gateway)
    assert code == 1
    assert "riverside, gw-1: not running" in told
    assert told.count("never") == 3
    assert not (gateway.parent / "data").exists(), "a look leaves nothing behind"


def test_one_that_has_stopped_shows_its_last_values(gateway: Path) -> None:
    beat(gateway)
    fill(gateway, ago_s=3600)
    for file in (gateway.parent / "data" / "status").glob("*.json"):
        body = json.loads(file.read_text())
        file.write_text(json.dumps({**body, "time": body["time"] - 3600 * SECOND, "boot": "before"}))
    code, seen = status(gateway, "--json")
    assert (code, seen["running"], seen["wrong"]) == (1, False, ["the gateway is not running"])
    flow = next(tag for tag in seen["tags"] if tag["tag"] == "flow")
    assert (flow["value"], flow["quality"], flow["trouble"]) == (5.0, "good", "")
    assert flow["age_s"] == pytest.approx(3600)


def test_one_that_runs_tells_what_is_wrong_first(gateway: Path) -> None:
    beat(gateway)
    fill(gateway)
    code, seen = status(gateway, "--json")
    assert code == 1
    assert seen["running"]
    assert seen["wrong"] == ["1 of 2 tags are not as they should be"]
    power, flow = seen["tags"]
    assert (power["tag"], power["trouble"]) == ("power", "no value yet")
    assert (flow["tag"], flow["trouble"], flow["expected"]) == ("flow", "", 10.0)
    assert flow["rate"] == pytest.approx(10, rel=0.1)
    assert seen["outbox"]["waiting"] == {"alert": 2}
    assert {one["role"]: one["is_alive"] for one in seen["processes"]} == dict.fromkeys(
        ("acquire", "flow", "deliver"), True
    )


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"acquire": {"links": {"plc": "it is off"}, "drivers": {"plc": {"samples": 1}}}}, "link plc: it is off"),
        (
            {"deliver": {**DELIVER, "targets": {"s3": {"uplink_up": False, "trouble": "dns", "last_success": 0}}}},
            "target s3",
        ),
        ({"flow": {"passing": True, "models": [{"name": "m", "role": "refused"}]}}, "model m: its bundle was refused"),
        ({"acquire": {"disk_refuses": True}}, "journal: the disk refuses writes"),
    ],
)
def test_what_the_processes_say(gateway: Path, facts: dict[str, Any], told: str) -> None:
    beat(gateway, **facts)
    code, seen = status(gateway)
    assert code == 1
    assert told in seen


def test_tags_that_come_too_seldom_are_slow(gateway: Path) -> None:
    beat(gateway)
    fill(gateway, every_s=0.5)
    _, told = status(gateway)
    assert "slow: 2/s of 10/s" in told


@pytest.mark.parametrize(
    ("age_s", "code", "rate", "expected", "told"),
    [
        (0.2, 0, 10.0, POLLED, ""),
        (4.9, 0, math.nan, POLLED, ""),
        (5.1, 0, 10.0, POLLED, "silent for 5 s, expected every 100 ms"),
        (0.2, 0x80050000, 10.0, POLLED, "bad, 0x80050000"),
        (0.2, 0x40000000, 10.0, POLLED, "uncertain, 0x40000000"),
        (0.2, 0, 4.9, POLLED, "slow: 4.9/s of 10/s"),
        (86_400, 0, 0.0, Expectation(0.1, is_least=False, silent_s=math.inf), ""),
        (86_400, 0, 0.0, None, ""),
    ],
)
def test_what_is_wrong_with_a_tag(
    age_s: float, code: int, rate: float, expected: Expectation | None, told: str
) -> None:
    now = 10**18
    assert trouble_of(Tag("", 1.0, now - round(age_s * SECOND), code), expected, rate, now) == told


def test_a_tag_without_a_value() -> None:
    assert trouble_of(None, POLLED, math.nan, 1) == "no value yet"
    assert trouble_of(None, Expectation(0.1, is_least=False, silent_s=math.inf), math.nan, 1) == "", (
        "it has not changed"
    )


def test_rates_are_of_whole_seconds_and_of_the_last_minute() -> None:
    tag = Tag("")
    assert math.isnan(tag.rate(100))
    for second in range(100, 200):
        tag.count(second, 4)
        tag.count(second, 6)
    assert tag.rate(200) == 10
    assert tag.rate(230) == 5, "silent for the last half"
    assert tag.rate(300) == 0
    assert len(tag.counts) <= 61
    tag.count(150, 1)
    assert tag.counts[-1] == (199, 11), "a clock was set back"


def test_expected_intervals_come_from_the_configuration(tmp_path: Path, gateway: Path) -> None:
    text = gateway.read_text()
    item = '\n[[opcua.tags]]\nasset = "mill"\ntag = "{}"\nnode = "nsu=urn:mill;s={}"\n{}\n'
    for name, more in (
        ("changes", 'sampling_interval = "250ms"'),
        ("polled", 'poll_interval = "2s"'),
        ("beats", 'heartbeat = "30s"'),
        ("wave", "waveform_rate = 4096.0"),
    ):
        text += item.format(name, name, more)
    text += (
        '[[modbus]]\nname = "io"\nhost = "h"\npoll_interval = "1min"\n'
        '[[modbus.tags]]\nasset = "mill"\ntag = "slow"\naddress = "holding:1:uint16"\n'
    )
    gateway.write_text(text)
    found = {tag: one for (_, tag), one in expectations(load(gateway)).items()}
    assert found["flow"] == Expectation(0.1, is_least=True, silent_s=5.0)
    assert found["changes"] == Expectation(0.25, is_least=False, silent_s=math.inf)
    assert found["polled"] == Expectation(2.0, is_least=True, silent_s=6.0)
    assert found["beats"] == Expectation(30.0, is_least=True, silent_s=30.0)
    assert found["wave"].interval_s == pytest.approx(1 / 4096)
    assert found["slow"] == Expectation(60.0, is_least=True, silent_s=180.0)


def test_backfilled_samples_are_no_rate(gateway: Path) -> None:
    (table,) = tag_tables(load(gateway))
    now = NOW.wall
    times = np.arange(now - 100, now, dtype=np.int64)
    folder = gateway.parent / "data" / "journal"
    with JournalWriter(folder, [table], JournalSettings()) as writer:
        columns = np.zeros(100, np.uint16), times, np.ones(100), np.zeros(100, np.uint32)
        writer.append([SampleBatch(table, *columns, now - 5 * SECOND, Origin.BACKFILLED)])
    flow = next(tag for tag in Onlook(load(gateway)).look().tags if tag.tag == "flow")
    assert math.isnan(flow.rate)


def test_top_looks_until_it_is_stopped(gateway: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beat(gateway)
    fill(gateway, seconds=2)
    looks = 0

    def stop() -> bool:
        nonlocal looks
        looks += 1
        return looks > 4

    assert top_command(gateway, stop, every_s=0.0) == 0
    assert "flow" in capsys.readouterr().out


def test_top_needs_a_terminal(gateway: Path) -> None:
    result = CliRunner().invoke(app, ["top", str(gateway)])
    assert result.exit_code == 2
    assert "sluicegate status" in result.output


def test_cpu_is_of_the_time_between_two_looks(gateway: Path, tmp_path: Path) -> None:
    beat(gateway)
    onlook = Onlook(load(gateway))
    file = tmp_path / "data" / "status" / "flow.json"
    body = json.loads(file.read_text())

    def used(**changed: Callable[[int], int]) -> float:
        file.write_text(json.dumps({**body, **changed}))
        return next(one.cpu for one in onlook.look().processes if one.role == "flow")

    begun = body["time"]
    assert used(started=begun - 100 * SECOND, cpu_s=10.0, time=begun) == pytest.approx(0.1)
    assert used(started=begun - 100 * SECOND, cpu_s=11.0, time=begun + 2 * SECOND) == pytest.approx(0.5)
    assert used(started=begun + 2 * SECOND, cpu_s=0.1, time=begun + 3 * SECOND) == pytest.approx(0.1), (
        "it was restarted"
    )
