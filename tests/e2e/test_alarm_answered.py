"""An alarm from the journal to a person and back: raised by the flow, acknowledged by the command, and explained."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import SampleBatch
from edge_gateway.config.load import load
from edge_gateway.layout import Layout
from edge_gateway.tables import tag_tables

pytestmark = pytest.mark.e2e

CONFIG = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
[[modbus]]
name = "press"
host = "127.0.0.1"
port = 9
[[modbus.tags]]
asset = "press-1"
tag = "temperature"
address = "holding:100:float32"
unit = "°C"
[[rules]]
assets = ["press-1"]
tag = "temperature"
kind = "limit"
h = 90.0
[[target]]
kind = "file"
path = "cloud"
"""
SECOND = 10**9


@contextlib.contextmanager
def running(folder: Path, role: str) -> Iterator[None]:
    """One process of the gateway, ended as the supervisor would."""
    command = [sys.executable, "-m", "edge_gateway", "run", str(folder / "gateway.toml"), "--only", role]
    environment = {**os.environ, "SLUICEGATE_PARENT": str(os.getpid())}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def ask(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge_gateway", *words, "--gateway", str(folder / "gateway.toml")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def alarms(folder: Path, until: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """What `alerts ls` says, as soon as it is as awaited."""
    end = time.monotonic() + 40
    while True:
        listed = ask(folder, "alerts", "ls", "--all", "--json")
        found = json.loads(listed.stdout) if listed.returncode == 0 else []
        if until(found) or time.monotonic() > end:
            return found
        time.sleep(0.2)


@pytest.mark.slow
def test_an_alarm_is_raised_acknowledged_and_explained(tmp_path: Path) -> None:
    (tmp_path / "cloud").mkdir()
    (tmp_path / "gateway.toml").write_text(CONFIG)
    config = load(tmp_path / "gateway.toml")
    layout = Layout(config.gateway.data)
    (table,) = tag_tables(config)
    values = np.array([70.0, 80.0, 91.5, 92.0])
    times = time.time_ns() - np.arange(len(values))[::-1] * SECOND
    with JournalWriter(layout.journal, [table], JournalSettings()) as journal:
        zeros = np.zeros(len(values))
        journal.append(
            [SampleBatch(table, zeros.astype(np.uint16), times, values, zeros.astype(np.uint32), time.time_ns())]
        )
    with running(tmp_path, "flow"):
        (raised,) = alarms(tmp_path, bool)
        assert (raised["asset"], raised["rule"], raised["alarm_state"]) == ("press-1", "temperature.H", "UNACK")
        words = ("--by", "operator-1", "--comment", "Cooling is on.")
        asked = ask(tmp_path, "alerts", "ack", raised["alert_id"][:8], *words)
        assert "The gateway is not running: it takes effect at its next start." in asked.stdout
        with running(tmp_path, "acquire"):
            (told,) = alarms(tmp_path, lambda found: found[0]["alarm_state"] == "ACKED")
    assert (told["alarm_state"], told["alert_id"]) == ("ACKED", raised["alert_id"])
    assert not list(layout.commands.glob("*.json"))
    shown = json.loads(ask(tmp_path, "alerts", "show", raised["alert_id"], "--json").stdout)
    assert [(one["state"], one["by"], one["comment"]) for one in shown] == [
        ("opened", "", ""),
        ("acknowledged", "operator-1", "Cooling is on."),
    ]
    page = tmp_path / "alert.html"
    assert ask(tmp_path, "explain", raised["alert_id"][:8], "--out", str(page)).returncode == 0
    assert "operator-1 has acknowledged it" in page.read_text()
