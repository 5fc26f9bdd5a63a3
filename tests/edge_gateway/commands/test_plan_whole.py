"""`plan` of a whole gateway: rates by hand, sizes against the code that writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import WindowSummary
from cloud_sink.settings import OutboxSettings
from connectors.journal.format import block_bytes, encode, entry_of
from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from edge_gateway.cli import app
from edge_gateway.commands.plan_rates import blocks_s, streams_of
from edge_gateway.commands.plan_sizes import OUTBOX_ROW
from edge_gateway.config.load import load
from models.features import STANDARD

HEAD = """
[gateway]
site = "s"
name = "g"
data = "data"
[[target]]
kind = "file"
path = "cloud"
"""
OPCUA = """
[[opcua]]
name = "plc"
endpoint = "opc.tcp://plc:4840"
trust_folder = "trusted"
publishing_interval = "500ms"
"""
TAG = '[[opcua.tags]]\nasset = "a"\ntag = "t{}"\nnode = "nsu=urn:p;s=t{}"\n{}\n'
MODBUS = '[[modbus]]\nname = "{0}"\nhost = "{0}"\npoll_interval = "{1}"\n'
REGISTER = '[[modbus.tags]]\nasset = "{0}"\ntag = "t{1}"\naddress = "holding:{1}:uint16"\n'


def plan(folder: Path, text: str, *words: str) -> Any:
    (folder / "gateway.toml").write_text(HEAD + text)
    result = CliRunner().invoke(app, ["plan", str(folder / "gateway.toml"), *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in words else result.stdout


@pytest.mark.parametrize(
    ("terms", "how", "rate"),
    [
        ("", "subscribed", 4.0),  # half the publishing interval
        ('sampling_interval = "100ms"', "subscribed", 10.0),
        ('sampling_interval = "0ms"\nexpect_every = "50ms"', "subscribed", 20.0),
        ('sampling_interval = "0ms"', "subscribed", 2.0),  # nothing says more
        ('sampling_interval = "100ms"\nexpect_every = "1s"', "subscribed", 1.0),
        ('poll_interval = "2s"', "polled", 0.5),
        ("waveform_rate = 4096.0", "waveform", 4096.0),
    ],
)
def test_what_a_tag_of_opcua_brings(terms: str, how: str, rate: float, tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(HEAD + OPCUA + TAG.format(1, 1, terms))
    (stream,) = streams_of(load(tmp_path / "gateway.toml"))
    assert (stream.how, stream.samples_s) == (how, pytest.approx(rate))


def test_tags_of_one_asset_that_come_together_are_one_block(tmp_path: Path) -> None:
    text = OPCUA + TAG.format(1, 1, 'sampling_interval = "100ms"') + TAG.format(2, 2, 'sampling_interval = "250ms"')
    text += MODBUS.format("m", "1s") + REGISTER.format("a", 3) + REGISTER.format("a", 4) + REGISTER.format("b", 5)
    (tmp_path / "gateway.toml").write_text(HEAD + text)
    streams = streams_of(load(tmp_path / "gateway.toml"))
    assert [(one.asset, one.tags, one.samples_s) for one in streams] == [
        ("a", 1, 10.0), ("a", 1, 4.0), ("a", 2, 2.0), ("b", 1, 1.0)
    ]  # fmt: skip
    assert list(blocks_s(streams)) == [(2.0, 7.0), (1.0, 2.0), (1.0, 1.0)]


@pytest.mark.parametrize("samples", [0, 1, 2, 3, 4, 7, 1024])
def test_the_journal_takes_what_its_format_says(samples: int) -> None:
    table = TagTable("a", (Tag("t"),))
    column = np.zeros(samples)
    batch = SampleBatch(table, column.astype(np.uint16), column.astype(np.int64), column, column.astype(np.uint32), 1)
    assert sum(map(len, encode(entry_of(batch), {"a": 0}))) == block_bytes(samples)


def test_a_day_of_64_signals_is_what_the_benchmark_of_egress_measures(tmp_path: Path) -> None:
    """3.5 MB in README.md, of a day that is made like a plant's: tests/benchmarks/bench_egress.py."""
    text = "".join(
        MODBUS.format(f"m{asset}", "100ms") + "".join(REGISTER.format(f"pump-{asset}", tag) for tag in range(8))
        for asset in range(8)
    )
    told = plan(tmp_path, text + '[windows]\nlength = "60s"\n', "--json")["expected"]
    assert told["samples_s"] == 640
    assert told["rows_s"] * 86_400 == 64 * 1440
    assert 3.5e6 / 1.3 < told["delivered_day"] < 3.5e6 * 1.3
    assert told["targets"] == {"file": told["delivered_day"]}
    assert told["files_day"] == 96
    # 8 blocks of 8 samples, ten times a second
    assert told["journal_day"] == pytest.approx(86_400 * 80 * block_bytes(8))


@pytest.mark.parametrize("tags", [1, 10])
def test_the_outbox_takes_what_is_expected_of_a_row(tags: int, tmp_path: Path) -> None:
    names, features = tuple(f"tag_{number}" for number in range(tags)), tuple(STANDARD.features)
    values = np.random.default_rng(0).standard_normal((tags, len(features))).astype(np.float32)
    counts, full = np.ones(tags, np.int32), np.ones(tags, np.float32)

    def summary(number: int) -> WindowSummary:
        at = number * 10**10
        return WindowSummary("a", at, at + 10**10, names, features, counts, counts, full, values, 0.5, 1.0, "model@1")

    writer = OutboxWriter(tmp_path, OutboxSettings(disk_reserve=0))
    for start in range(0, 1000, 100):
        writer.put([summary(number) for number in range(start, start + 100)])
    writer.close()
    measured = (tmp_path / "outbox.sqlite3").stat().st_size / 1000
    expected = len(summary(0).encode()) + OUTBOX_ROW
    assert measured / 1.5 < expected < measured * 1.5


def test_windows_that_the_data_decides_are_not_guessed(tmp_path: Path) -> None:
    text = MODBUS.format("m", "1s") + REGISTER.format("a", 1) + '[windows]\nkind = "session"\ngap = "5s"\n'
    told = plan(tmp_path, text, "--json")["expected"]
    assert told["rows_s"] is None
    assert told["targets"] == {"file": None}
    assert "as the data decides" in plan(tmp_path, text)


def test_a_target_without_summaries_costs_none(tmp_path: Path) -> None:
    text = MODBUS.format("m", "1s") + REGISTER.format("a", 1)
    text += '[[target]]\nkind = "mqtt"\nurl = "mqtts://broker.example"\nlanes = ["alerts"]\n'
    told = plan(tmp_path, text, "--json")["expected"]
    assert told["targets"]["mqtt"] == 0
    assert told["targets"]["file"] > 0


def test_people_see_the_sources_and_the_figures(tmp_path: Path) -> None:
    text = OPCUA + TAG.format(1, 1, 'sampling_interval = "100ms"') + TAG.format(2, 2, 'sampling_interval = "100ms"')
    shown = plan(tmp_path, text)
    assert "plc\tOPC-UA\tsubscribed\t100ms\t2\t20" in shown
    assert "samples\t20/s" in shown
    assert "memory\t3" in shown
