"""`run --dry-run`: what is counted, and a whole one against the simulated plant."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from connectors.samples import SampleBatch
from connectors.status import BAD_TIMEOUT, GOOD
from connectors.tags import Tag, TagTable
from edge_gateway.claim import claim
from edge_gateway.cli import app
from edge_gateway.commands.dry_run import Teller, tag_rows
from edge_gateway.dry_run import AssetSeen
from tests.running import plant, sluicegate

S = 10**9
TABLE = TagTable("a", (Tag("flow", "m3/h", 0.5), Tag("level", "m"), Tag("silent")))


def block(tags: list[int], values: list[float], codes: list[int], received: int) -> SampleBatch:
    times = np.arange(len(tags), dtype=np.int64) + received
    return SampleBatch(
        TABLE, np.array(tags, np.uint16), times, np.array(values), np.array(codes, dtype=np.uint32), received
    )


def test_samples_are_counted_by_tag_and_the_last_one_is_kept() -> None:
    seen = AssetSeen(TABLE)
    assert seen.take(block([0, 1, 0], [1.0, 7.0, 2.0], [GOOD, BAD_TIMEOUT, GOOD], 1 * S)) == [0, 1]
    assert seen.take(block([0, 0], [3.0, 4.0], [GOOD, GOOD], 3 * S)) == []
    flow, level, silent = tag_rows(seen)
    assert (flow["samples"], flow["good"], flow["value"], flow["status"]) == (4, 4, 4.0, "Good")
    assert flow["per_second"] == 1.5  # three more within two seconds
    assert flow["expected_per_second"] == 2.0
    assert (level["samples"], level["good"], level["status"]) == (1, 0, "BadTimeout")
    assert (silent["samples"], silent["value"], silent["per_second"], silent["source_time"]) == (0, None, None, None)


def test_first_samples_are_told_with_their_value(capsys: pytest.CaptureFixture[str]) -> None:
    seen = AssetSeen(TABLE)
    for number in seen.take(block([0], [2.5], [GOOD], S)):
        Teller(silent=False).first_sample(seen, number)
        Teller(silent=True).first_sample(seen, number)
    assert capsys.readouterr().out.splitlines()[0].endswith("first sample  a/flow  2.5 m3/h  Good")


@pytest.mark.parametrize("words", [["--json"], ["--dry-run", "--only", "flow"], ["--dry-run", "--drain"]])
def test_options_that_do_not_go_together_are_refused(words: list[str], tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["run", str(tmp_path / "gateway.toml"), *words]).exit_code == 2


def test_a_serial_line_is_left_to_the_gateway_that_runs(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(
        '[gateway]\nsite = "s"\nname = "g"\ndata = "data"\n[[target]]\nkind = "file"\npath = "cloud"\n'
        '[[modbus]]\nname = "bus"\ntransport = "rtu"\ndevice = "/dev/null"\n'
        '[[modbus.tags]]\nasset = "a"\ntag = "t"\naddress = "holding:1:uint16"\n'
    )
    (tmp_path / "data").mkdir()
    with claim(tmp_path / "data", "acquire"):
        result = CliRunner().invoke(app, ["run", str(path), "--dry-run"])
    assert result.exit_code == 2
    assert "reads bus, and the gateway, which runs, is the master of that line" in result.output


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """A plant that serves, and a configuration of it with an alarm that opens at once."""
    with plant(tmp_path / "plant") as station:
        facts = station.facts
        (tmp_path / "cloud").mkdir()
        (tmp_path / "gateway.toml").write_text(
            f"""
[gateway]
site = "s"
name = "g"
data = "data"
[windows]
length = "1s"
lateness = "500ms"
[[target]]
kind = "file"
path = "cloud"
[[opcua]]
name = "plc"
endpoint = "{facts["opcua_endpoint"]}"
server_certificate = "{facts["opcua_server_certificate"]}"
publishing_interval = "100ms"
[[opcua.tags]]
asset = "pump-1"
tag = "flow"
node = "nsu=urn:sluicegate:simulator;s=pump-1.flow"
expect_every = "100ms"
[[modbus]]
name = "io"
host = "127.0.0.1"
port = {facts["modbus_port"]}
poll_interval = "200ms"
[[modbus.tags]]
asset = "tank-1"
tag = "level"
address = "holding:500:float32:CDAB"
[[rules]]
assets = ["tank-1"]
tag = "level"
kind = "limit"
h = 1.0
"""
        )
        yield tmp_path


def run(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        sluicegate("run", "gateway.toml", "--dry-run", *words),
        cwd=site,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.e2e
def test_a_dry_run_tells_what_would_come_and_leaves_nothing_behind(site: Path) -> None:
    (site / "data").mkdir()
    (site / "data" / "mine").write_text("as it was")
    before = sorted(site.rglob("*"))
    done = run(site, "--seconds", "6", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    tags = {f"{row['asset']}/{row['tag']}": row for row in told["tags"]}
    assert tags["pump-1/flow"]["per_second"] == pytest.approx(10, rel=0.2)
    assert tags["tank-1/level"]["per_second"] == pytest.approx(5, rel=0.2)
    assert tags["tank-1/level"]["value"] == pytest.approx(3, abs=0.3)
    assert told["windows"].keys() == {"pump-1", "tank-1"}
    assert [(one["rule"], one["state"]) for one in told["alerts"]] == [("level.H", "opened")]
    assert told["missing"] == []
    assert sorted(site.rglob("*")) == before

    words = ("h = 1.0", "h = 9.0"), ("holding:500", "holding:9")
    text = (site / "gateway.toml").read_text()
    for old, new in words:
        text = text.replace(old, new)
    (site / "gateway.toml").write_text(text)
    done = run(site, "--seconds", "3")
    assert done.returncode == 1
    assert "missing: tank-1/level: no good sample" in done.stderr
    assert "first sample  pump-1/flow" in done.stdout
    assert "0 alarms would open" in done.stdout
