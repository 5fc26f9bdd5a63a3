"""The flow process at its start: alone, and after a start that was cut short."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_gateway.status import read_status

pytestmark = pytest.mark.integration

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
[[target]]
kind = "file"
path = "cloud"
"""
STORE = Path("data/recovery/condition_monitoring/part-0.sqlite3")


@contextlib.contextmanager
def start(folder: Path) -> Iterator[subprocess.Popen[str]]:
    (folder / "gateway.toml").write_text(CONFIG)
    (folder / "cloud").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "edge_gateway", "run", str(folder / "gateway.toml"), "--only", "flow"]
    environment = {**os.environ, "SLUICEGATE_PARENT": str(os.getpid())}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def running(process: subprocess.Popen[str], folder: Path) -> bool:
    end = time.monotonic() + 20
    while read_status(folder / "data" / "status", "flow").get("pid") != process.pid:
        if process.poll() is not None or time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def executions(store: Path) -> int:
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as database:
        ((count,),) = database.execute("SELECT count(*) FROM exs")
    database.close()
    return int(count)


@pytest.mark.slow
def test_bytewaxs_own_runner_is_refused_beside_a_flow(tmp_path: Path) -> None:
    """Both would take the same journal's mark and the same outbox."""
    with start(tmp_path) as first:
        assert running(first, tmp_path)
        runner = f"edge_gateway.dataflow:build('{tmp_path / 'gateway.toml'}')"
        second = subprocess.run(
            [sys.executable, "-m", "bytewax.run", runner], capture_output=True, text=True, timeout=30, check=False
        )
        assert second.returncode != 0
        assert f"in use by process {first.pid}" in second.stderr
        assert first.poll() is None


def test_a_store_that_was_never_finished_is_made_anew(tmp_path: Path) -> None:
    """The first start may be killed while it makes the store."""
    unfinished = (tmp_path / STORE).parent.with_name("condition_monitoring.new")
    unfinished.mkdir(parents=True)
    (unfinished / "part-0.sqlite3").touch()
    with start(tmp_path) as process:
        assert running(process, tmp_path)
        assert not unfinished.exists()
        assert executions(tmp_path / STORE) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
