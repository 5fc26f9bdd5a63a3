"""C3: a gateway whose disk is full. It says so, it is not ready, and nobody is killed for it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_gateway.exit_codes import Exit
from edge_gateway.verdict import Now, Verdict, judge, read_statuses
from tests.edge_gateway.health.impatient import impatient
from tests.running import start, until

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]

CONFIG = """
[gateway]
site = "riverside"
name = "gw-1"
data = "disk/data"
epoch = "1s"
[[modbus]]
name = "press"
host = "127.0.0.1"
port = 9
poll_interval = "100ms"
[[modbus.tags]]
asset = "press-1"
tag = "temperature"
address = "holding:100:float32"
[windows]
length = "1s"
[journal]
quota = "16 MiB"
[[target]]
kind = "file"
path = "cloud"
[page]
enabled = false
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk takes root, and a mount that is allowed")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_c3_a_full_disk_is_told_and_kills_nobody(tmp_path: Path, disk: Path) -> None:
    def verdict() -> Verdict:
        return judge(read_statuses(disk / "data" / "status"), Now.read())

    (tmp_path / "gateway.toml").write_text(CONFIG)
    (tmp_path / "cloud").mkdir()
    with start(tmp_path / "log", "run", tmp_path / "gateway.toml", env=impatient(tmp_path)) as run:
        try:
            until(lambda: verdict().ready, 40, "it begins well")
            assert fill(disk)
            until(lambda: not verdict().ready, 40, "it says so")
            unready = 0
            for _ in range(60):  # twice as long as it would take to kill what does not beat
                now = verdict()
                unready += not now.ready
                assert now.wedged.keys() <= {"flow"}, now
                fill(disk)
                time.sleep(0.2)
            assert unready > 50  # all, but for the moment in which a flow that ended has let go of some room
            for path in disk.glob("filler*"):
                path.unlink()
            until(lambda: verdict().ready, 40, "it recovers by itself")
            run.terminate()
            assert run.wait(25) == 0
        finally:
            run.kill()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if line.startswith("{")]
    events = {line["event"] for line in lines}
    assert "process_wedged" not in events
    assert {"gateway_not_ready", "status_not_written"} <= events
    ended = {(line["process_name"], line["exit_code"]) for line in lines if line["event"] == "process_restarting"}
    assert ended <= {("flow", Exit.FLOW)}, "it alone cannot do without room, for its snapshots"
    assert bool(ended) == ("flow_snapshot_failed" in events)


def fill(disk: Path) -> int:
    """To the last byte; what was written."""
    written = 0
    with (disk / f"filler-{time.monotonic_ns()}").open("wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    written += file.write(b"x" * size)
            except OSError:
                continue
    return written
