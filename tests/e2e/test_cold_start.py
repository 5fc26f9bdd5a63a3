"""A gateway without a model watches at once, collects, and serves what was trained on its journal."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from cloud_sink.alert_decoding import decode_alert
from cloud_sink.decoding import decode_summary
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.records import Alert, Lane, WindowSummary
from cloud_sink.settings import BatchSettings, OutboxSettings
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import SampleBatch
from connectors.simulator.faults import Fault, Injection
from connectors.simulator.recorder import simulate
from connectors.simulator.tags import TABLES
from edge_gateway.demo.files import config_text
from edge_gateway.layout import Layout
from edge_gateway.status import read_status
from models.cold_start import NAME, WARM_UP

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PLANT = {
    "opcua_endpoint": "opc.tcp://127.0.0.1:9/plant",
    "modbus_host": "127.0.0.1",
    "modbus_port": 9,
    "unit_id": 1,
}
SECOND = 10**9
T0 = 1_767_225_600 * SECOND
RULES = """
[[rules]]
assets = ["pump-2"]
tag = "flow"
kind = "limit"
l = 90.0
[[rules]]
assets = ["pump-2"]
tag = "winding_temperature"
kind = "stuck"
unchanged_for = "20s"
[[rules]]
assets = ["pump-2"]
tag = "motor_current"
kind = "silence"
silent_for = "10s"

"""
FAULTS = ((Fault.STUCK_SENSOR, 60), (Fault.DROPOUT, 90), (Fault.CLOGGED_FILTER, 150))
FIRST, SECOND_TIME = 240, 90  # s
LAST = 3  # s, of windows that are still open at the end


def write_config(folder: Path, models: str = "") -> Path:
    """That of the demo, with rules, and other models."""
    certificate = folder / "server.der"
    certificate.touch()
    text = config_text({**PLANT, "opcua_server_certificate": str(certificate)}).replace(
        'length = "3s"', 'length = "1s"'
    )
    start, end = text.index("[[model]]"), text.index("[alerts]")
    path = folder / "gateway.toml"
    path.write_text(text[:start] + models + RULES + text[end:])
    return path


def flow(config: Path, seconds: int, blocks: Iterable[SampleBatch]) -> tuple[list[Alert], list[WindowSummary]]:
    """What the flow process makes of so many seconds, appended to the journal."""
    layout = Layout(config.parent / "data")
    with JournalWriter(layout.journal, tuple(TABLES.values()), JournalSettings()) as journal:
        for block in blocks:
            journal.append([block])
    command = [sys.executable, "-m", "edge_gateway", "run", str(config), "--only", "flow"]
    environment = {**os.environ, "SLUICEGATE_PARENT": str(os.getpid())}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            end = time.monotonic() + 60
            while written(layout, process.pid) < (seconds - LAST) * len(TABLES):
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
    reader = OutboxReader(layout.outbox, OutboxSettings(disk_reserve=0), BatchSettings())
    bodies: dict[Lane, list[bytes]] = {Lane.ALERT: [], Lane.SUMMARY: []}
    for lane, found in bodies.items():
        while (batch := reader.queues["target"].freeze(lane, flush=True)) is not None:
            found += [row.body for row in batch.rows]
            reader.queues["target"].delivered(batch)
    reader.close()
    return [decode_alert(body) for body in bodies[Lane.ALERT]], [decode_summary(body) for body in bodies[Lane.SUMMARY]]


def written(layout: Layout, process: int) -> int:
    """Windows of which the process has made a record."""
    status = read_status(layout.status, "flow")
    return status.get("written", {}).get("summary", 0) if status.get("pid") == process else 0


def name_of(record: Alert | WindowSummary) -> str:
    return record.model.partition("@")[0]


def test_from_the_first_minute_to_a_model_of_its_own(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    faults = [Injection(fault, "pump-2", at * SECOND) for fault, at in FAULTS]
    alerts, summaries = flow(config, FIRST, simulate(FIRST, 1, T0, faults))
    assert {name_of(one) for one in summaries} == {NAME}
    scored = [one.start for one in summaries if one.asset == "pump-1" and math.isfinite(one.score)]
    assert min(scored) == T0 + WARM_UP * SECOND
    assert {one.asset for one in alerts} == {"pump-2"}
    opened = {one.rule: (one.opened_at - T0) / SECOND for one in alerts if one.state == "opened"}
    assert opened == {
        "winding_temperature.stuck": pytest.approx(81, abs=1.5),
        "motor_current.silence": pytest.approx(100, abs=1.5),
        "flow.L": pytest.approx(152, abs=2.5),
        "anomaly": pytest.approx(154, abs=3),  # two windows in a row
    }
    (told,) = [one for one in alerts if one.rule == "anomaly" and one.state == "opened"]
    assert name_of(told) == NAME
    assert "no model yet" in told.detail
    assert told.contributions[0][0] in {"flow", "head"}

    words = ["train", str(config), "--from", str(tmp_path / "data" / "journal"), "--asset", "pump-1"]
    trained = subprocess.run(
        [sys.executable, "-m", "edge_gateway", *words, "--out", str(tmp_path / "models" / "pump")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert trained.returncode == 0, trained.stderr
    write_config(tmp_path, trained.stdout[trained.stdout.index("[[model]]") :])

    later = T0 + (FIRST + 60) * SECOND
    faults = [Injection(Fault.CLOGGED_FILTER, "pump-1", 60 * SECOND)]
    alerts, summaries = flow(config, SECOND_TIME, simulate(SECOND_TIME, 2, later, faults))
    by_asset = {
        asset: {name_of(one) for one in summaries if one.asset == asset and one.start >= later} for asset in TABLES
    }
    assert by_asset == {"pump-1": {"pump"}, "pump-2": {NAME}, "tank-1": {NAME}}
    opened = [one for one in alerts if one.asset == "pump-1" and one.state == "opened"]
    assert [(one.rule, one.model) for one in opened] == [("anomaly", "pump@1")]
    assert later + 60 * SECOND < opened[0].opened_at <= later + 65 * SECOND
