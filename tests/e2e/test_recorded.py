"""A gateway on real sockets, its flow killed on the way; then its recording, replayed: the same bytes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from cloud_sink.report import KIND
from connectors.recording import read_recording
from connectors.samples import SampleBatch
from edge_gateway.demo.files import DemoFiles, config_text
from edge_gateway.layout import Layout
from edge_gateway.replay.run import record_bytes
from edge_gateway.status import read_status
from tests.running import Plant, gateway, plant, sluicegate, until

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]

RULE = """
[[rules]]
assets = ["pump-1"]
tag = "flow"
kind = "limit"
l = 90.0
"""


def run(*arguments: object) -> str:
    done = subprocess.run(sluicegate(*arguments), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_ran_live_is_told_again_by_its_recording(tmp_path: Path) -> None:
    files = DemoFiles(tmp_path)
    layout = Layout(files.data)
    with plant(files.plant) as station:
        text = config_text(station.facts).replace('length = "3s"', 'length = "1s"')
        before, after = text.split("[[model]]")
        files.config.write_text(before + after[after.index("[alerts]") :] + RULE)
        files.cloud.mkdir()
        _straight_from_the_sources(files, tmp_path / "direct.parquet")
        _live(files, layout, station)
    recording = tmp_path / "all.parquet"
    facts = json.loads(run("record", files.config, "--out", recording, "--json"))
    assert facts["origin"] == "journal"

    out = tmp_path / "replayed"
    with subprocess.Popen(
        sluicegate("replay", recording, "--gateway", files.config, "--out", out, "--speed", "1x"),
        stdout=subprocess.DEVNULL,
    ) as killed:
        until(
            lambda: (out / "outbox" / "outbox.db").exists() or any((out / "outbox").glob("*")), 60, "a replay to begin"
        )
        killed.kill()
    run("replay", recording, "--gateway", files.config, "--out", out)
    run("replay", recording, "--gateway", files.config, "--out", tmp_path / "quick", "--speed", "30x")
    live, replayed, quick = (record_bytes(folder) for folder in (files.data, out, tmp_path / "quick"))

    assert list(quick.items()) == list(replayed.items())
    assert (out / "replay.json").read_bytes() == (tmp_path / "quick" / "replay.json").read_bytes()
    of_flow = {key: body for key, body in live.items() if not _is_from_beside(key, body)}
    assert of_flow == replayed
    kinds = [key.split("/")[0] for key in replayed]
    assert kinds.count("summary") > 20
    assert kinds.count("alert") >= 1


def _straight_from_the_sources(files: DemoFiles, out: Path) -> None:
    """While no gateway runs; Ctrl-C finishes the file."""
    with subprocess.Popen(
        sluicegate("record", files.config, "--out", out, "--for", "10min", "--json"), stdout=subprocess.PIPE, text=True
    ) as recorder:
        until((out.parent / f"{out.name}.new").exists, 60, "a recording to begin")
        time.sleep(6)
        recorder.send_signal(signal.SIGINT)
        told, _ = recorder.communicate(timeout=30)
    assert recorder.returncode == 0, told
    assert json.loads(told)["origin"] == "sources"
    blocks = [item for item in read_recording(out) if isinstance(item, SampleBatch)]
    seen = {name for block in blocks for name in np.array(block.tags.names)[np.unique(block.tag)]}
    assert {"flow", "vibration", "bearing_temperature", "level"} <= seen, "subscribed and polled ones"


def _live(files: DemoFiles, layout: Layout, station: Plant) -> None:
    """Some seconds, a fault, a kill of the flow amid it, some seconds more."""

    def written(lane: str) -> int:
        return int(read_status(layout.status, "flow").get("written", {}).get(lane, 0))

    with gateway(files.config, files.log, "--only", "acquire"):
        with gateway(files.config, files.log, "--only", "flow") as flow:
            until(lambda: written("summary") > 15, 60, "windows")
            station.say("inject clogged_filter pump-1")
            until(lambda: written("alert"), 60, "an alert")
            flow.kill()
        with gateway(files.config, files.log, "--only", "flow"):
            until(lambda: written("summary") > 9, 60, "more windows")
    with gateway(files.config, files.log, "--only", "flow") as last:  # what came after it had ended
        until(lambda: read_status(layout.status, "flow").get("pid") == last.pid, 60, "the last flow")
        time.sleep(1)


def _is_from_beside(key: str, body: bytes) -> bool:
    """The report that a gateway makes of itself."""
    return key.startswith("event/") and json.loads(body)["kind"] == KIND
