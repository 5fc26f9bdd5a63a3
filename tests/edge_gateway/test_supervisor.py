"""The supervisor and its children as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_gateway.status import read_status

pytestmark = pytest.mark.integration

# A Modbus unit that is not there: the gateway must start with what there is and say what is missing (fault A18).
CONFIG = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
[[modbus]]
name = "press"
host = "127.0.0.1"
port = 9
poll_interval = "200ms"
[[modbus.tags]]
asset = "press-1"
tag = "temperature"
address = "holding:100:float32"
[[target]]
kind = "file"
path = "cloud"
"""


def until(happened: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def start(folder: Path, text: str = CONFIG, **environment: str) -> subprocess.Popen[str]:
    (folder / "gateway.toml").write_text(text)
    (folder / "cloud").mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "edge_gateway", "run", str(folder / "gateway.toml")],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SLUICEGATE_PARENT": str(os.getpid()), **environment},
    )


def pids(folder: Path) -> list[int]:
    return [read_status(folder / "data" / "status", role).get("pid", 0) for role in ("acquire", "flow", "deliver")]


def test_what_an_earlier_life_said_is_forgotten(tmp_path: Path) -> None:
    """Killed with all its processes and started at once, a gateway is not ready before its own processes are."""
    statuses = tmp_path / "data" / "status"
    statuses.mkdir(parents=True)
    old = statuses / "page.json"  # of which there is none now, so that nobody writes it anew
    old.write_text(json.dumps({"pid": 1, "time": time.time_ns()}))
    gateway = start(tmp_path, CONFIG + "[page]\nenabled = false\n")
    try:
        until(lambda: not old.exists())
    finally:
        gateway.terminate()
        gateway.communicate(timeout=25)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_missing_device_stops_nothing_and_sigterm_ends_all_with_0(tmp_path: Path) -> None:
    with start(tmp_path) as process:
        until(lambda: all(pids(tmp_path)))
        until(lambda: read_status(tmp_path / "data" / "status", "acquire").get("received", 0) > 3)
        children = pids(tmp_path)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert process.wait(25) == 0
        assert time.monotonic() - began < 20
        assert process.stderr is not None
        assert "gateway_stopped" in process.stderr.read()
    assert not any(map(alive, children))


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with start(tmp_path) as process:
        until(lambda: all(pids(tmp_path)))
        children = pids(tmp_path)
        process.kill()
        process.wait()
        until(lambda: not any(map(alive, children)))


def test_a_flow_that_cannot_be_used_ends_the_gateway_with_2(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("x = 1\n")
    with start(tmp_path, CONFIG.replace('data = "data"', 'data = "data"\nflow = "mine.py"')) as process:
        assert process.wait(25) == 2
        assert process.stderr is not None
        assert "has no function build(gateway)" in process.stderr.read()


@pytest.mark.slow
def test_a_second_gateway_in_the_folder_is_refused_and_the_first_can_still_restart(tmp_path: Path) -> None:
    with start(tmp_path) as process:
        until(lambda: read_status(tmp_path / "data" / "status", "acquire").get("received", 0) > 3)
        with start(tmp_path) as second:
            assert second.wait(25) == 2
            assert second.stderr is not None
            assert f"is in use by process {process.pid}" in second.stderr.read()
        flow = [sys.executable, "-m", "edge_gateway", "run", str(tmp_path / "gateway.toml"), "--only", "flow"]
        third = subprocess.run(flow, stderr=subprocess.PIPE, text=True, timeout=25, check=False)
        assert third.returncode == 1
        assert "flow.lock is in use by process" in third.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(25) == 0
    with start(tmp_path) as process:
        began = pids(tmp_path)
        until(lambda: all(new != old for new, old in zip(pids(tmp_path), began, strict=True)))
        process.send_signal(signal.SIGTERM)
        assert process.wait(25) == 0
        assert process.stderr is not None
        assert "process_restarting" not in process.stderr.read()


def test_a_data_folder_that_cannot_be_written_is_refused_with_2_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with start(tmp_path) as process:
        assert process.wait(25) == 2
        assert process.stderr is not None
        told = process.stderr.read()
    assert "cannot be written" in told
    assert "Traceback" not in told
