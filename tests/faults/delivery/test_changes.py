"""C13: configuration, model and flow are changed while the target is away. What waits arrives, once and as it was."""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.parquet import read_summaries
from cloud_sink.settings import OutboxSettings
from edge_gateway.cli import app
from tests.faults.delivery.lives import alert, event
from tests.faults.delivery.test_full import summary

pytestmark = pytest.mark.integration

SETTINGS = OutboxSettings(disk_reserve=0)
GATEWAY = """
[gateway]
site = "s"
name = "{name}"
data = "data"
[[modbus]]
name = "press"
host = "127.0.0.1"
[[modbus.tags]]
asset = "a"
tag = "t"
address = "holding:100:float32:CDAB"
"""
BEFORE = """
[outbox]
summary_file = "15min"
[[target]]
kind = "file"
path = "away"
"""
AFTER = """
[outbox]
summary_file = "5min"
quota = "100 MB"
retry_first = "2s"
[[target]]
kind = "file"
name = "new"
path = "cloud"
[[target]]
kind = "file"
name = "archive"
path = "archive"
"""


def drain(path, code: int) -> None:
    result = CliRunner().invoke(app, ["outbox", "drain", str(path), "--json"])
    assert result.exit_code == code, result.output


def test_c13_what_waits_arrives(tmp_path, account):
    config, outbox = tmp_path / "gateway.toml", tmp_path / "data" / "outbox"
    for folder in (outbox, tmp_path / "cloud", tmp_path / "archive"):
        folder.mkdir(parents=True)
    old = [*(alert(i) for i in range(40)), *(event(i) for i in range(40)), *(summary(i) for i in range(40))]
    new = [
        *(replace(alert(i), model="m@2", rule="other") for i in range(40, 80)),
        *(
            replace(summary(i), model="m@2", features=("mean", "p95", "min", "max", "rms", "last"))
            for i in range(40, 80)
        ),
    ]
    config.write_text(GATEWAY.format(name="g") + BEFORE)
    with closing(OutboxWriter(outbox, SETTINGS)) as writer:
        writer.put(old)
    drain(config, 1)  # the target is away; the first alert is frozen for it
    config.write_text(GATEWAY.format(name="g-2") + AFTER)
    with closing(OutboxWriter(outbox, SETTINGS)) as writer:  # another model, another flow
        assert writer.put(new).written == len(new)
    drain(config, 0)
    for target in ("cloud", "archive"):
        lines = [
            json.loads(line)["key"]
            for path in (tmp_path / target).rglob("*.gz")
            for line in gzip.decompress(path.read_bytes()).splitlines()
        ]
        windows = {one.key: one for path in (tmp_path / target).rglob("*.parquet") for one in read_summaries(path)}
        put = old + new
        assert sorted(lines) == sorted(record.key for record in put if not record.key.startswith("summary"))
        assert sorted(windows) == sorted(record.key for record in put if record.key.startswith("summary"))
        for record in put:
            if record.key in windows:
                found = windows[record.key]
                assert found.model == record.model
                assert dict(zip(found.features, found.values[3], strict=True)) == dict(
                    zip(record.features, record.values[3], strict=True)
                )
    account(
        "C13",
        "gateway's name, targets, file length, model and features changed in an outage",
        runs=1,
        lost=0,
        twice=0,
        recovery_s=None,
        told=f"{len(put)} of {len(put)} records at both of the new targets",
    )
