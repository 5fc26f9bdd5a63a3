"""No secret is told by anything that the deliver process writes, says or is started with (fault D3).

Every server refuses, and repeats in its refusal all that it was sent, as some do to be of help.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "cloud_sink"))  # the fault server

import fault_server as fault
from fault_server import FaultServer

from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Event
from cloud_sink.settings import OutboxSettings
from tests.running import plant, sluicegate, start

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

START = 1_700_000_100 * 10**9
SECRETS = {
    "s3": "s3-hush/with+signs",
    "session": "session/hush==",
    "bearer": "bearer-hush/1",
    "mqtt": "mqtt-hush",
    "azure": "YXp1cmUtaHVzaC1henVyZS1odXNoLWF6dXJlLWh1c2gtYXp1cmUtaHVzaC1henVyZQ==",
    "influx": "influx-hush",
}
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
endpoint = "http://127.0.0.1:WEB"
bucket = "lake"
credentials_file = "credentials"
[[target]]
kind = "https"
url = "http://127.0.0.1:WEB/in"
token_file = "bearer"
[[target]]
kind = "mqtt"
url = "mqtt://127.0.0.1:BROKER"
user = "gateway"
password_file = "mqtt"
[[target]]
kind = "pyarrow"
uri = "abfs://account@127.0.0.1:WEB/lake"
key_file = "azure"
[[influx]]
url = "http://127.0.0.1:WEB"
api = "v2"
database = "plant"
org = "plant"
secret_file = "influx"
"""


async def parrot(request, reader, writer):
    await fault.read_body(request, reader)
    text = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    await fault.answer(writer, 403, {"Content-Type": "text/plain"}, text.encode())
    return True


class Broker:
    """Lets nobody in, and keeps what it was sent."""

    def __init__(self):
        self.sent = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.sent += connection.recv(1000)
                connection.sendall(b"\x20\x02\x00\x05")


@pytest.fixture
def broker():
    broker = Broker()
    yield broker
    broker.listener.close()


@pytest.fixture
def gateway(tmp_path, broker):
    with FaultServer() as server:
        server.usual = parrot
        text = CONFIG.replace("WEB", str(server.port)).replace("BROKER", str(broker.port))
        (tmp_path / "gateway.toml").write_text(text)
        keys = {"access_key_id": "AK", "secret_access_key": SECRETS["s3"], "session_token": SECRETS["session"]}
        lines = [f"aws_{name} = {value}\n" for name, value in keys.items()]
        (tmp_path / "credentials").write_text("".join(["[default]\n", *lines]))
        for name in ("bearer", "mqtt", "azure", "influx"):
            (tmp_path / name).write_text(SECRETS[name] + "\n")
        outbox = tmp_path / "data" / "outbox"
        outbox.mkdir(parents=True)
        writer = OutboxWriter(outbox, OutboxSettings(disk_reserve=0))
        alert = Alert("a", "anomaly", "opened", "alarm", 1.5, 1.0, "m@1", START, START, START)
        writer.put([alert, Event("a", "gap", "link_down", START, START + 1, 3, "driver")])
        writer.close()
        yield tmp_path / "gateway.toml", server


PLANT = """
[page]
port = PAGE
[[opcua]]
name = "plc"
endpoint = "ENDPOINT"
server_certificate = "SERVER"
user = "gateway"
password_file = "plc"
[[opcua.tags]]
asset = "pump-1"
tag = "flow"
node = "nsu=urn:sluicegate:simulator;s=pump-1.flow"
expect_every = "1s"
"""


def family(pid):
    """Arguments and environment of a process and of all below it."""
    told = b""
    for one in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((one / "stat").read_text().rpartition(")")[2].split()[1])
            if int(one.name) == pid or parent == pid:
                told += (one / "cmdline").read_bytes() + (one / "environ").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
    return told


def test_d3_the_whole_gateway_tells_no_secret(gateway, tmp_path):
    """Its four processes, page, metrics and the commands that report; the OPC-UA server is asked with a password."""
    config, _ = gateway
    (tmp_path / "plc").write_text("plc-hush\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    everything, log = b"", tmp_path / "log"
    with plant(tmp_path / "plant") as station:
        facts = station.facts
        more = PLANT.replace("PAGE", str(port)).replace("ENDPOINT", facts["opcua_endpoint"])
        more = more.replace("SERVER", facts["opcua_server_certificate"])
        config.write_text(config.read_text() + more)
        process = start(log, "run", config)
        try:
            give_up = time.monotonic() + 40
            while time.monotonic() < give_up and log.read_bytes().count(b"uplink_down") < 4:
                assert process.poll() is None, log.read_text()
                everything += family(process.pid)
                time.sleep(0.2)
            for name in ("", "metrics", "healthz", "readyz", "api/stream"):
                everything += fetched(port, f"/{name}")
            for words in (("status", config, "--json"), ("health", config, "--json"), ("check", config, "--json")):
                ran = subprocess.run(sluicegate(*words), capture_output=True, check=False, timeout=60)
                assert b"No such command" not in ran.stderr
                everything += ran.stdout + ran.stderr
        finally:
            process.terminate()
            process.wait(30)
    everything += log.read_bytes()
    token = (tmp_path / "data" / "page-token").read_bytes().strip()
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file() and not file.is_fifo() and file.name != "page-token":
            everything += file.read_bytes()
    assert b"edge_" in everything, "the metrics were read"
    for name, secret in {**SECRETS, "plc": "plc-hush"}.items():
        assert secret.encode() not in everything, name
    assert token
    assert token not in everything


def fetched(port, path):
    """The beginning of an answer of the page, whatever it says."""
    with socket.create_connection(("127.0.0.1", port), 5) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        line.settimeout(3)
        answer, enough = b"", time.monotonic() + 3  # the stream of the page never ends
        with contextlib.suppress(TimeoutError):
            while time.monotonic() < enough and (got := line.recv(65536)):
                answer += got
    return answer


def test_d3_no_secret_is_told(gateway, broker, tmp_path):
    config, server = gateway
    log = tmp_path / "log"
    process = start(log, "run", config, "--only", "deliver")
    everything = b""
    try:
        give_up = time.monotonic() + 40
        while time.monotonic() < give_up and log.read_bytes().count(b"uplink_down") < 4:
            assert process.poll() is None, log.read_text()
            everything += family(process.pid)
            time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(30)
    for words in (("check", config), ("egress", config, "--json"), ("outbox", "stat", config)):
        ran = subprocess.run(sluicegate(*words), capture_output=True, check=False, timeout=60)
        everything += ran.stdout + ran.stderr
    assert b"store_client" in everything, "the process that talks to Azure was seen"
    everything += log.read_bytes()
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file() and not file.is_fifo():
            everything += file.read_bytes()
    sent = b"".join(str(request.headers).encode() for request in server.requests) + broker.sent
    for name in ("session", "bearer", "mqtt"):
        assert SECRETS[name].encode() in sent, "it was used"
    assert log.read_bytes().count(b"uplink_down") >= 4, log.read_text()
    assert b"HTTP 403 " in everything
    assert b"***" in everything, "the refusals are told, without it"
    for name, secret in SECRETS.items():
        assert secret.encode() not in everything, name
