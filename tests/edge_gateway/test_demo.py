from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from edge_gateway.claim import FolderRefused
from edge_gateway.config.load import load
from edge_gateway.demo.files import DemoFiles, config_text
from edge_gateway.demo.report import delivered, failures
from edge_gateway.demo.scene import AlertRow, Mark, Scene, Step
from edge_gateway.demo.screen import PlainScreen, draw, sparkline
from edge_gateway.demo.wire_cost import mqtt_json_bytes

PLANT = {
    "opcua_endpoint": "opc.tcp://127.0.0.1:4840/plant",
    "opcua_server_certificate": "/nowhere/server.der",
    "modbus_host": "127.0.0.1",
    "modbus_port": 5020,
    "unit_id": 1,
}
GOOD: dict[str, Any] = {
    "samples_received": 10,
    "samples_placed": 8,
    "samples_late": 1,
    "samples_dropped": 1,
    "samples_in_journal": 9,
    "false_alarms": [],
    "faults_injected": [{"name": "drift", "detected_after_s": 3.0}],
    "outage": {"records_lost": 0, "drained_in_s": 1.0, "alerts_first": True},
    "duplicates": 0,
}


def scene() -> Scene:
    shown = Scene([Step("one", Mark.DONE, "done"), Step("two", Mark.RUNNING)])
    shown.samples, shown.elapsed_s = 1234, 6.0
    shown.alerts.append(AlertRow(5.0, "pump-1", "anomaly", "opened", 3.5, 2.25, "vibration 90%"))
    return shown


def test_the_demos_configuration_is_a_valid_one(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(config_text(PLANT))
    config = load(path)
    assert {tag.asset for link in (*config.opcua, *config.modbus) for tag in link.tags} == {
        "pump-1",
        "pump-2",
        "tank-1",
    }
    assert any(tag.waveform_rate == 4096 for tag in config.opcua[0].tags)


def test_a_folder_that_is_not_a_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(FolderRefused, match="not a demo's"), DemoFiles(tmp_path).claimed():
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.doc"]
    with pytest.raises(FolderRefused, match="cannot be written"), DemoFiles(tmp_path / "thesis.doc").claimed():
        pass


def test_a_demos_folder_is_emptied(tmp_path: Path) -> None:
    files = DemoFiles(tmp_path / "demo")
    with files.claimed():
        files.prepare()
        (files.cloud / "old").touch()
    with files.claimed():
        files.prepare()
        assert list(files.cloud.iterdir()) == []
        with pytest.raises(FolderRefused, match="in use by process"), files.claimed():
            pass


def test_wire_cost_is_that_of_real_messages() -> None:
    tags = TagTable("pump-1", (Tag("flow", "m3/h"), Tag("vibration", "m/s2", 0.001, waveform=True)))
    time = 1_767_225_600_000_000_000
    scalar = SampleBatch(tags, np.zeros(1, np.uint16), np.array([time]), np.array([1.5]), np.zeros(1, np.uint32), time)
    payload = b'{"t":"2026-01-01T00:00:00.000+00:00","v":1.5,"q":0}'
    topic = b"site/gw/pump-1/flow"
    assert mqtt_json_bytes([scalar], "site/gw") == 2 + 2 + len(topic) + 2 + len(payload)
    wave = SampleBatch(
        tags, np.ones(3, np.uint16), np.array([time] * 3), np.array([1.0, 2.0, 3.0]), np.zeros(3, np.uint32), time
    )
    one = b'{"t":"2026-01-01T00:00:00.000+00:00","v":[1.0,2.0,3.0],"q":0}'
    assert mqtt_json_bytes([wave], "site/gw") == 2 + 2 + len(b"site/gw/pump-1/vibration") + 2 + len(one)


def test_delivered_records_are_counted_by_key(tmp_path: Path) -> None:
    lines = [json.dumps({"key": key}) for key in ("a", "b", "a")]
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alerts" / "x.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    found = delivered(tmp_path)
    assert (len(found.keys), found.duplicates, found.objects) == (2, 1, 1)


def test_a_good_report_has_no_failures() -> None:
    assert failures(GOOD) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"faults_injected": [{"name": "drift", "detected_after_s": None}]}, "drift was not detected"),
        ({"faults_injected": []}, "no fault"),
        ({"false_alarms": ["pump-2 anomaly"]}, "false alarm"),
        ({"samples_late": 2}, "placed + late + dropped"),
        ({"samples_in_journal": 7}, "journal"),
        ({"samples_received": 0}, "not one sample"),
        ({"outage": {**GOOD["outage"], "records_lost": 3}}, "3 records were lost"),
        ({"outage": {**GOOD["outage"], "drained_in_s": None}}, "not drained"),
        ({"outage": {**GOOD["outage"], "alerts_first": False}}, "before an alert"),
        ({"duplicates": 2}, "twice"),
    ],
)
def test_each_broken_promise_is_told(wrong: dict[str, Any], told: str) -> None:
    assert any(told in reason for reason in failures({**GOOD, **wrong}))


def test_the_screen_reads_without_colour() -> None:
    console = Console(width=120, height=45, no_color=True, record=True, file=io.StringIO())
    console.print(draw(scene()))
    text = console.export_text()
    for word in ("✓ one", "▶ two", "1,234", "OPENED", "vibration 90%", "2.2 ms"):
        assert word in text, text


def test_plain_lines_tell_each_thing_once(capsys: pytest.CaptureFixture[str]) -> None:
    plain = PlainScreen(Console(width=120))
    plain.show(scene())
    plain.show(scene())
    out = capsys.readouterr().out
    assert out.count("ALERT opened: pump-1") == 1
    assert out.count("✓ one: done") == 1
    assert out.count("1,234 samples") == 1


def test_a_sparkline_scales_to_its_largest() -> None:
    assert sparkline([0, 1, 8]) == " ▁█"
    assert sparkline([]) == ""
    assert sparkline([0, 0]) == "  "
