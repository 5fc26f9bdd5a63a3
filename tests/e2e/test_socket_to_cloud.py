"""From two real sockets to the target folder, while each of the three processes is killed in turn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cloud_sink.outbox.stat import read_stat
from connectors.simulator.recorder import simulate
from connectors.simulator.tags import PUMPS, TABLES
from edge_gateway.demo.files import DemoFiles
from edge_gateway.layout import Layout
from edge_gateway.status import read_status
from edge_gateway.training import train_bundle
from flows.window_settings import WindowSettings
from tests.e2e.arrived import alerts, assert_nothing_lost_or_doubled
from tests.running import drain, gateway, hasty, plant, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

WINDOWS = WindowSettings("1s", lateness="500ms")


@pytest.fixture
def files(tmp_path: Path) -> DemoFiles:
    files = DemoFiles(tmp_path)
    files.prepare()
    items = (batch for batch in simulate(300, 11, 1_767_225_600_000_000_000) if batch.asset in PUMPS)
    train_bundle(items, TABLES[PUMPS[0]], WINDOWS, files.bundle, name="pump", version="1")
    return files


def configure(files: DemoFiles, facts: dict[str, Any]) -> None:
    files.config.write_text(hasty(facts))


def status(files: DemoFiles, role: str) -> dict[str, Any]:
    return read_status(Layout(files.data).status, role)


def kill(files: DemoFiles, role: str) -> None:
    """kill -9 the process, and wait until the supervisor has another one running and saying so."""
    old = status(files, role)["pid"]
    os.kill(old, signal.SIGKILL)
    until(lambda: status(files, role).get("pid", old) != old, 30, f"{role} is started again")


def windows_written(files: DemoFiles) -> int:
    return sum(account.placed for account in read_stat(Layout(files.data).outbox).accounts)


def test_kill_9_of_each_process_loses_and_doubles_nothing(files: DemoFiles, tmp_path: Path) -> None:
    with plant(files.plant) as station:
        configure(files, station.facts)
        with gateway(files.config, files.log) as running:
            until(lambda: status(files, "deliver").get("delivered", {}).get("summary", 0) > 0, 60, "summaries arrive")

            kill(files, "flow")
            before = windows_written(files)
            until(lambda: windows_written(files) > before + 20_000, 30, "the flow goes on")

            sent = status(files, "deliver")["objects"]
            assert sent > 0
            kill(files, "deliver")
            until(lambda: status(files, "deliver")["objects"] > 1, 30, "delivery goes on")

            station.say("inject bearing_wear pump-1")
            kill(files, "flow")  # in the middle of what leads to the alert
            until(lambda: alerts(files.cloud), 30, "the alert is delivered")

            kill(files, "acquire")
            before = windows_written(files)
            until(lambda: windows_written(files) > before + 30_000, 30, "acquisition goes on")
            running.send_signal(signal.SIGTERM)
            assert running.wait(25) == 0
    assert drain(files.config) == 0

    assert assert_nothing_lost_or_doubled(files.data, files.cloud, WINDOWS) > 30

    opened = [alert for alert in alerts(files.cloud) if alert["state"] == "opened"]
    assert [(alert["asset"], alert["rule"]) for alert in opened] == [("pump-1", "anomaly")]
    assert opened[0]["contributions"][0][0] == "vibration"


@pytest.mark.slow
def test_a_broken_flow_says_so_and_another_process_is_not_disturbed(files: DemoFiles) -> None:
    with plant(files.plant) as station:
        configure(files, station.facts)
        flow = files.root / "broken.py"
        flow.write_text(
            "import bytewax.operators as op\n"
            "from bytewax.dataflow import Dataflow\n"
            "def burst(item):\n"
            "    raise ZeroDivisionError('one of mine')\n"
            "def build(gateway):\n"
            "    flow = Dataflow('broken')\n"
            "    items = op.input('samples', flow, gateway.source())\n"
            "    op.output('out', op.map('my_step', items, burst), gateway.sink())\n"
            "    return flow\n"
        )
        text = files.config.read_text()
        files.config.write_text(text.replace('data = "data"', 'data = "data"\nflow = "broken.py"'))
        with gateway(files.config, files.log):
            until(lambda: status(files, "acquire").get("received", 0) > 10_000, 40, "acquisition goes on")
            until(lambda: "one of mine" in files.log.read_text(), 30, "the error is told")
            until(lambda: '"exit_code": 3' in files.log.read_text(), 30, "and with which code the process ended")
        line = next(line for line in files.log.read_text().splitlines() if "flow_raised" in line)
        assert "my_step" in line


@pytest.mark.slow
def test_bytewaxs_own_runner_runs_the_same_flow(files: DemoFiles) -> None:
    with plant(files.plant) as station:
        configure(files, station.facts)
        bytewax = [sys.executable, "-m", "bytewax.run", f"edge_gateway.dataflow:build('{files.config}')"]
        with gateway(files.config, files.log, "--only", "acquire") as acquire, files.log.open("ab") as log:
            with subprocess.Popen(bytewax, stderr=log) as flow:
                try:
                    written = lambda: status(files, "flow").get("written", {}).get("summary", 0)  # noqa: E731
                    until(lambda: written() > 6, 60, "windows are written")
                finally:
                    flow.send_signal(signal.SIGTERM)
                assert flow.wait(20) == 0
            acquire.send_signal(signal.SIGTERM)
            assert acquire.wait(20) == 0
    accounts = read_stat(Layout(files.data).outbox).accounts
    assert {account.asset for account in accounts} == set(TABLES)
    assert all(account.balanced for account in accounts)
