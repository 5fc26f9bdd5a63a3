"""C12: the deliver process beside a real InfluxDB that goes and comes back; the cloud never feels it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Event, WindowSummary
from cloud_sink.settings import OutboxSettings
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from tests.cloud_sink.influx.servers import PASSWORD, USER, Influx, find, influxd
from tests.running import gateway as running_gateway
from tests.running import sluicegate, until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
if not find("influxd"):
    pytest.skip("influxd is not installed (Debian: apt install influxdb)", allow_module_level=True)

SECOND = 10**9
START = time.time_ns() // SECOND * SECOND
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
kind = "file"
path = "cloud"
[[influx]]
url = "http://127.0.0.1:PORT"
api = "v1"
database = "plant"
secret_file = "secret"
health_every = "1s"
live = ["a/t"]
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Influx]:
    folder = tmp_path / "influxd"
    folder.mkdir()
    with influxd(folder) as one:
        yield one


@pytest.fixture
def gateway(tmp_path: Path, server: Influx) -> Path:
    (tmp_path / "gateway.toml").write_text(CONFIG.replace("PORT", str(server.port)))
    (tmp_path / "secret").write_text(f"{USER}:{PASSWORD}\n")
    (tmp_path / "cloud").mkdir()
    (tmp_path / "data" / "outbox").mkdir(parents=True)
    return tmp_path / "gateway.toml"


@pytest.fixture
def flow(gateway: Path) -> Iterator[OutboxWriter]:
    """In the place of the flow process."""
    writer = OutboxWriter(gateway.parent / "data" / "outbox", OutboxSettings(disk_reserve=0))
    yield writer
    writer.close()


@pytest.fixture
def running(gateway: Path, flow: OutboxWriter) -> Iterator[subprocess.Popen[bytes]]:
    with running_gateway(gateway, gateway.parent / "log", "--only", "deliver") as process:
        yield process


def minute(number: int) -> WindowSummary:
    end = START + number * SECOND
    one, ones = np.ones(1, np.int32), np.ones(1, np.float32)
    return WindowSummary(
        "a", end - SECOND, end, ("t",), ("mean",), one, one, ones, ones[:, None] * number, 0.5, 1.0, "m@1"
    )


def seen(server: Influx) -> list[float]:
    series = server.query('SELECT "mean" FROM edge_feature')
    return [row[1] for row in series[0]["values"]] if series else []


def measured(gateway: Path, value: float) -> None:
    """In the place of the acquire process."""
    table = TagTable("a", (Tag("t"),))
    writer = JournalWriter(gateway.parent / "data" / "journal", [table], JournalSettings())
    zero = np.zeros(1)
    status = zero.astype(np.uint32)
    block = SampleBatch(table, zero.astype(np.uint16), np.array([START]), np.array([value]), status, START)
    writer.append([block])
    writer.close()


def test_c12_an_influxdb_that_goes_and_comes_back(
    gateway: Path, server: Influx, flow: OutboxWriter, running: subprocess.Popen[bytes]
) -> None:
    cloud = gateway.parent / "cloud"
    flow.put([minute(1), Event("a", "gap", "link_down", START, START + SECOND, 3, "press")])
    until(lambda: seen(server) == [1.0], 30, "the first window on the wall, long before its file is full")
    until(lambda: bool(server.query("SELECT alive FROM edge_process WHERE role = 'deliver'")), 30, "health")

    measured(gateway, 5.5)
    until(lambda: bool(server.query("SELECT value FROM edge_live")), 30, "the last value of a tag that is marked so")
    assert server.query("SELECT value, quality FROM edge_live")[0]["values"][0][1:] == [5.5, "good"]

    os.kill(server.pid, signal.SIGSTOP)  # it takes connections and says nothing: the worst way to be down
    try:
        flow.put([Alert("a", "anomaly", "opened", "alarm", 1.5, 1.0, "m@1", START, START, START)])
        until(lambda: any(cloud.rglob("alerts/**/*.gz")), 5, "the alert in the cloud meanwhile")
        flow.put([minute(2), minute(3)])
    finally:
        os.kill(server.pid, signal.SIGCONT)
    until(lambda: seen(server) == [1.0, 2.0, 3.0], 60, "what waited, once it is back")
    assert server.query("SELECT state FROM edge_alert")[0]["values"][0][1] == "opened"
    asked = subprocess.run(sluicegate("egress", gateway, "--json"), capture_output=True, text=True, check=True)
    told = json.loads(asked.stdout)
    sums = {one["target"]: one for one in told["sums"] if one["lane"] == "dashboard"}
    assert sums[f"influx:127.0.0.1:{server.port}"]["records"] >= 6
