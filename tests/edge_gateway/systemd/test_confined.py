"""The whole gateway under the unit's system-call rules, on a real plant, with a model, ended as systemd would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

import pytest

from connectors.simulator.recorder import simulate
from connectors.simulator.tags import PUMPS, TABLES
from edge_gateway.demo.files import DemoFiles
from edge_gateway.layout import Layout
from edge_gateway.reload.outcomes import read_outcomes
from edge_gateway.status import read_status
from edge_gateway.training import train_bundle
from edge_gateway.verdict import Now, judge, read_statuses
from flows.window_settings import WindowSettings
from tests.cloud_sink.influx.servers import free_port
from tests.edge_gateway.systemd import confine
from tests.running import hasty, plant, until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        shutil.which("systemd-analyze") is None or find_library("seccomp") is None,
        reason="systemd-analyze or libseccomp is missing: apt-get install systemd",
    ),
]
MORE = """
[[target]]
kind = "https"
url = "http://127.0.0.1:{nowhere}/"
[[target]]
kind = "pyarrow"
uri = "abfs://account@127.0.0.1:{nowhere}/plant"
key_file = "azure-key"
[page]
port = {port}
"""


def test_the_rules_hold() -> None:
    """They refuse what they should, or the test below would prove nothing."""
    tries = (
        "import socket, mmap, os\n"
        "for act in (lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),\n"
        "            lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC),\n"
        "            lambda: os.sched_setaffinity(0, {0}), lambda: os.chroot('/')):\n"
        "    try:\n        act()\n    except OSError as error:\n        print(error.errno)\n"
    )
    command = [sys.executable, confine.__file__, str(confine.UNIT), sys.executable, "-c", tries]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["97", "1", "1", "1"], "EAFNOSUPPORT, and three times EPERM"


def test_a_gateway_does_all_its_work_under_them(tmp_path: Path) -> None:
    files = DemoFiles(tmp_path)
    files.prepare()
    items = (batch for batch in simulate(300, 11, 1_767_225_600_000_000_000) if batch.asset in PUMPS)
    windows = WindowSettings("1s", lateness="500ms")
    train_bundle(items, TABLES[PUMPS[0]], windows, files.bundle, name="pump", version="1")
    (tmp_path / "azure-key").write_text("c2VjcmV0" * 8)
    statuses = Layout(files.data).status
    with plant(files.plant) as station:
        files.config.write_text(hasty(station.facts) + MORE.format(nowhere=free_port(), port=free_port()))
        gateway = [sys.executable, "-m", "edge_gateway", "run", str(files.config), "--log-format", "json"]
        with files.log.open("wb") as log, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(tmp_path / "notify"))
            manager.settimeout(60)
            environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
            command = [sys.executable, confine.__file__, str(confine.UNIT), *gateway]
            with subprocess.Popen(command, stderr=log, env=environment) as process:
                try:
                    while manager.recv(4096) != b"READY=1":
                        pass
                    until(lambda: has_worked(statuses), 60, "it works")
                    assert judge(read_statuses(statuses), Now.read()).ready
                    files.config.write_text(files.config.read_text().replace("clear_after = 2", "clear_after = 3"))
                    process.send_signal(signal.SIGHUP)
                    until(lambda: read_outcomes(Layout(files.data).config), 90, "it reloads")
                    outcomes = read_outcomes(Layout(files.data).config)
                    assert [(one.result, one.generation) for one in outcomes] == [("accepted", 2)], outcomes
                    process.terminate()
                    assert process.wait(25) == 0
                finally:
                    process.kill()
    told = [json.loads(line) for line in files.log.read_text().splitlines()]
    assert [one for one in told if "not permitted" in json.dumps(one)] == []
    assert not {"process_restarting", "process_ended", "driver_failed"} & {one["event"] for one in told}


def has_worked(statuses: Path) -> bool:
    flow, deliver = read_status(statuses, "flow"), read_status(statuses, "deliver")
    scored = flow.get("inference", {}).get("pump", {}).get("rows", 0)
    targets = deliver.get("targets", {})
    tried = targets and all(one["failures"] or one["objects"] for one in targets.values())
    return bool(scored > 5 and tried and deliver["delivered"]["summary"])
