"""The deliver process as it is run, with a bucket for a target."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "cloud_sink"))  # the fault server

import fault_server as fault
from fault_server import FaultServer

from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Event
from cloud_sink.settings import OutboxSettings

pytestmark = pytest.mark.e2e

START = 1_700_000_100 * 10**9
CONFIG = """
[gateway]
site = "plant"
name = "gw"
data = "data"
[[modbus]]
name = "press"
host = "127.0.0.1"
[[modbus.tags]]
asset = "a"
tag = "t"
address = "holding:100:float32:CDAB"
[[target]]
kind = "s3"
endpoint = "http://127.0.0.1:PORT"
bucket = "lake"
credentials_file = "credentials"
[uplink]
bandwidth = "1 MiB"
daily_budget = "1 MiB"
"""
CREDENTIALS = "[default]\naws_access_key_id = AK\naws_secret_access_key = hush-hush\n"


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


@pytest.fixture
def gateway(tmp_path: Path, server: FaultServer) -> Path:
    (tmp_path / "gateway.toml").write_text(CONFIG.replace("PORT", str(server.port)))
    (tmp_path / "credentials").write_text(CREDENTIALS)
    outbox = tmp_path / "data" / "outbox"
    outbox.mkdir(parents=True)
    writer = OutboxWriter(outbox, OutboxSettings(disk_reserve=0))
    alerts = [
        Alert("a", "anomaly", "opened", "alarm", 1.5, 1.0, "m@1", START + i, START + i, START + i) for i in range(9)
    ]
    writer.put([*alerts, Event("a", "gap", "link_down", START, START + 1, 3, "driver")])
    writer.close()
    return tmp_path / "gateway.toml"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "edge_gateway", *map(str, arguments)]


def start(gateway: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("run", gateway, "--only", "deliver", *more),
        env={**os.environ, "SLUICEGATE_PARENT": str(os.getpid())},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_drains_into_the_bucket_and_every_byte_is_told(server: FaultServer, gateway: Path) -> None:
    server.script.append(fault.s3_error(503, "SlowDown"))
    first = start(gateway, "--drain")
    first.communicate(timeout=60)
    assert first.returncode == 1, "the first failure ends it"
    second = start(gateway, "--drain")
    _, told = second.communicate(timeout=60)
    assert second.returncode == 0, told
    assert sorted(path.split("/")[2] for path in server.objects) == ["alerts", "events"]
    out = subprocess.run(command("egress", gateway, "--json"), capture_output=True, text=True, check=True).stdout
    sums = {one["lane"]: one for one in json.loads(out)["sums"]}
    assert (sums["alert"]["records"], sums["alert"]["attempts"], sums["event"]["records"]) == (9, 1, 1)
    bodies = sum(len(request.body) for request in server.requests)
    assert sum(one["wire"] for one in sums.values()) > bodies
    everything = told + out + "".join(p.read_text(errors="replace") for p in (gateway.parent / "data").rglob("*.json*"))
    assert "hush-hush" not in everything


def test_ends_in_time_though_an_upload_hangs(server: FaultServer, gateway: Path) -> None:
    server.script += [server.usual, fault.silent()]  # the alerts arrive, the event hangs
    process = start(gateway)
    while len(server.requests) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 0, told
    assert time.monotonic() - asked < 8


def test_credentials_that_are_wrong_are_told_and_nothing_is_sent(server: FaultServer, gateway: Path) -> None:
    """A file that is there and wrong holds everything; it is read again once it has changed."""
    (gateway.parent / "credentials").write_text("[default]\n")
    held = start(gateway, "--drain")
    _, told = held.communicate(timeout=60)
    assert held.returncode == 1
    assert "credentials" in told
    assert "aws_access_key_id is missing" in told
    assert not server.requests
