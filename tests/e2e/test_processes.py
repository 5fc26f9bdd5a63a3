"""One machine, several flow processes: one is killed, the next start has fewer and more threads, and all goes on."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from cloud_sink.outbox.stat import read_stat
from connectors.journal.reader import JournalReader
from connectors.samples import SampleBatch
from connectors.simulator.tags import MODBUS_POINTS
from edge_gateway.demo.report import delivered
from edge_gateway.layout import Layout
from edge_gateway.status import read_status
from tests.running import drain, gateway, plant, until

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]

CONFIG = """
[gateway]
site = "demo"
name = "gateway-1"
data = "data"
epoch = "1s"
[windows]
length = "1s"
lateness = "500ms"
[page]
enabled = false
[outbox]
summary_file = "5s"
[[target]]
kind = "file"
path = "cloud"
[[modbus]]
name = "io"
host = "{host}"
port = {port}
unit_id = {unit}
poll_interval = "100ms"
"""


def test_a_machine_with_several_flow_processes(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    (tmp_path / "cloud").mkdir()

    def placed() -> int:
        return sum(account.placed for account in read_stat(layout.outbox).accounts)

    def written() -> int:
        return int(read_status(layout.status, "flow").get("written", {}).get("summary", 0))

    config, log = tmp_path / "gateway.toml", tmp_path / "log"
    with plant(tmp_path / "plant") as station:
        facts = station.facts
        text = CONFIG.format(host=facts["modbus_host"], port=facts["modbus_port"], unit=facts["unit_id"])
        for point in MODBUS_POINTS:
            text += f'[[modbus.tags]]\nasset = "{point.asset}"\ntag = "{point.tag}"\naddress = "{point.address}"\n'
        config.write_text(text)

        with gateway(config, log, "--processes", "2") as running:
            until(lambda: written() > 6, 40, "windows")
            (second,) = (int(line) for line in (tmp_path / "data" / "flow-1.lock").read_text().split())
            os.kill(second, signal.SIGKILL)
            before = placed()
            until(lambda: placed() > before + 200, 40, "both flow processes start anew")
            running.send_signal(signal.SIGTERM)
            assert running.wait(25) == 0
        with gateway(config, log, "--workers-per-process", "2") as running:
            before = placed()
            until(lambda: placed() > before + 200, 40, "one process goes on")
            running.send_signal(signal.SIGTERM)
            assert running.wait(25) == 0
        assert drain(config) == 0

    journalled = Counter[str]()
    reader = JournalReader(layout.journal, 0)
    while items := reader.read():
        for item in items:
            if isinstance(item, SampleBatch):
                journalled[item.asset] += len(item)
    reader.close()
    accounts = read_stat(layout.outbox).accounts
    assert {account.asset: account.received for account in accounts} == dict(journalled)
    assert all(account.balanced for account in accounts)
    assert delivered(tmp_path / "cloud").duplicates == 0
    assert "cluster_peer_gone" in log.read_text()
