"""A real gateway whose processes are stopped one after the other, as a kernel or a bug would, under a real socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge_gateway.status import read_status
from tests.cloud_sink.influx.servers import free_port
from tests.edge_gateway.health.impatient import impatient
from tests.running import start, until

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

# A Modbus unit that is not there: its samples are bad, and come every 200 ms all the same. The cloud is a black hole.
CONFIG = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
epoch = "1s"
[[modbus]]
name = "press"
host = "127.0.0.1"
port = 9
poll_interval = "200ms"
[[modbus.tags]]
asset = "press-1"
tag = "temperature"
address = "holding:100:float32"
[windows]
length = "1s"
[[target]]
kind = "https"
url = "http://127.0.0.1:{nowhere}/"
[page]
port = {port}
"""
ROLES = ("acquire", "flow", "deliver", "page")


def test_each_process_that_hangs_is_replaced_and_nothing_is_lost(tmp_path: Path) -> None:
    statuses, address = tmp_path / "data" / "status", str(tmp_path / "notify")
    port = free_port()
    (tmp_path / "gateway.toml").write_text(CONFIG.format(port=port, nowhere=free_port()))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        heard: list[str] = []
        threading.Thread(target=listen, args=(manager, heard), daemon=True).start()
        environment = {**impatient(tmp_path), "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "9000000"}
        with start(tmp_path / "log", "run", tmp_path / "gateway.toml", env=environment) as process:
            try:
                until(lambda: "READY=1" in heard, 60, "it is ready")
                assert heard[0].startswith("STATUS=unhealthy"), "it begins with nobody there"
                assert "WATCHDOG=1" not in heard[: heard.index("READY=1")], "its start is not complete before"
                for role in ROLES:
                    environ = Path(f"/proc/{read_status(statuses, role)['pid']}/environ").read_bytes()
                    assert b"NOTIFY_SOCKET" not in environ
                    assert b"WATCHDOG_USEC" not in environ
                for roles in (("flow",), ("acquire", "deliver", "page")):
                    before = {role: read_status(statuses, role)["pid"] for role in roles}
                    for pid in before.values():
                        os.kill(pid, signal.SIGSTOP)
                    for role, pid in before.items():
                        until(lambda role=role, pid=pid: read_status(statuses, role)["pid"] != pid, 40, role)
                beating = read_status(statuses, "flow")["pid"]
                (tmp_path / "stuck").touch()
                until(lambda: "process_wedged" in last_lines(tmp_path, len(ROLES)), 30, "it beats and gets nowhere")
                (tmp_path / "stuck").unlink()
                until(lambda: read_status(statuses, "flow")["pid"] != beating, 20, "it is replaced")
                until(lambda: judged(statuses), 30, "it is well again")
                until(lambda: read_status(statuses, "deliver")["failures"], 20, "the cloud cannot be reached")
                until(lambda: told_of_the_cloud(heard), 10, "of the cloud, and it is ready all the same")
                ask_all(tmp_path, port)
                process.terminate()
                assert process.wait(25) == 0
            finally:
                process.kill()
        until(lambda: "STOPPING=1" in heard, 5, "it says that it ends")
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    wedged = [one for one in lines if one["event"] == "process_wedged"]
    assert sorted(one["process_name"] for one in wedged) == sorted([*ROLES, "flow"])
    assert wedged[-1]["why"].startswith("the journal grows, and nothing was read of it for")
    assert "WATCHDOG=1" in heard
    assert any(word.startswith("STATUS=unhealthy; flow: no sign of life") for word in heard)
    flow = read_status(statuses, "flow")
    accounts = flow["accounts"]["press-1"]
    assert accounts["received"] > 30
    assert accounts["received"] == accounts["placed"] + accounts["late"] + sum(accounts["dropped"].values())
    assert flow["read"] >= read_status(statuses, "acquire")["journal_end"], "all of the journal was read"


def last_lines(folder: Path, after: int) -> list[str]:
    """Events from the nth process that hung on."""
    events = [json.loads(line)["event"] for line in (folder / "log").read_text().splitlines()]
    places = [place for place, event in enumerate(events) if event == "process_wedged"]
    return events[places[after - 1] + 1 :]


def judged(statuses: Path) -> bool:
    from edge_gateway.verdict import Now, judge, read_statuses

    return judge(read_statuses(statuses), Now.read()).ready


def ask_all(folder: Path, port: int) -> None:
    """The cloud has been away for the whole run."""
    for path, key in (("healthz", "healthy"), ("readyz", "ready")):
        with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
            assert (answer.status, json.loads(answer.read())[key]) == (200, True)
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        found = {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}
    assert found["edge_uplink_up", "https"] == 0
    assert found["edge_ready",] == 1
    assert [found["edge_process_wedged_total", role] for role in ROLES] == [1, 2, 1, 1]
    assert found["edge_link_up", "press"] == 0
    assert found["edge_samples_total",] > 0
    command = [sys.executable, "-m", "edge_gateway", "health", str(folder / "gateway.toml"), "--ready"]
    assert subprocess.run(command, timeout=30, check=False).returncode == 0


def told_of_the_cloud(heard: list[str]) -> bool:
    return any("target https cannot be reached" in word for word in heard if word.startswith("STATUS=ready;"))


def listen(manager: socket.socket, heard: list[str]) -> None:
    with suppress(OSError):  # closed
        while True:
            heard.append(manager.recv(4096).decode())
