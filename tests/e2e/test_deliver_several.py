"""The deliver process as it is run, with several targets that come, go and are away (faults C8 and C13)."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "cloud_sink"))  # the fault server

import fault_server as fault
from fault_server import FaultServer

from cloud_sink.outbox.stat import read_stat
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Event, Lane
from cloud_sink.settings import OutboxSettings
from edge_gateway.status import read_status

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

START = 1_700_000_100 * 10**9
HEAD = """
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
"""
BUCKET = """
[[target]]
name = "{name}"
kind = "s3"
endpoint = "http://127.0.0.1:{port}"
bucket = "{name}"
credentials_file = "credentials"
"""
STICK = """
[[target]]
name = "stick"
kind = "file"
path = "stick"
lanes = ["events"]
"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = AK\naws_secret_access_key = hush\n")
    (tmp_path / "stick").mkdir()
    (tmp_path / "data" / "outbox").mkdir(parents=True)
    return tmp_path


def put(site, numbers):
    writer = OutboxWriter(site / "data" / "outbox", OutboxSettings(disk_reserve=0))
    for i in numbers:
        alert = Alert("a", "anomaly", "opened", "alarm", 1.5, 1.0, "m@1", START + i, START + i, START + i)
        writer.put([alert, Event("a", "gap", "link_down", START + i, START + i + 1, 3, "driver")])
    writer.close()


def drain(site, *targets):
    """Whether everything was sent."""
    (site / "gateway.toml").write_text(HEAD + "".join(targets))
    ran = subprocess.run(
        [sys.executable, "-m", "edge_gateway", "run", str(site / "gateway.toml"), "--only", "deliver", "--drain"],
        env={**os.environ, "SLUICEGATE_PARENT": str(os.getpid())},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode in (0, 1), ran.stderr
    return ran.returncode == 0


def waiting(site):
    return {
        lane: backlog.count for lane, backlog in read_stat(site / "data" / "outbox").backlog.items() if backlog.count
    }


def received(server, bucket, kind):
    """Keys of the records that lie in a bucket."""
    bodies = [r.body for path, r in server.objects.items() if path.startswith(f"/{bucket}/{kind}/")]
    return [json.loads(line)["key"] for body in bodies for line in gzip.decompress(body).splitlines()]


def test_one_that_is_away_holds_up_no_other_and_changes_of_the_configuration_lose_nothing(site):
    with FaultServer() as server, FaultServer() as away:
        lake, pond = BUCKET.format(name="lake", port=server.port), BUCKET.format(name="pond", port=away.port)
        away.usual = fault.status(403)
        put(site, range(3))
        assert not drain(site, lake, pond, STICK)
        assert waiting(site) == {Lane.ALERT: 3, Lane.EVENT: 3}, "the pond has none of them"
        told = read_status(site / "data" / "status", "deliver")
        assert {name: one["trouble"] for name, one in told["targets"].items()} == {
            "lake": "",
            "pond": "credentials",
            "stick": "",
        }
        assert (told["uplink_up"], told["trouble"]) == (False, "credentials")
        assert len(list((site / "stick").rglob("*.jsonl.gz"))) == 1

        # The pond is given up for another place, which gets all that waits; the others get nothing twice.
        put(site, range(3, 5))
        creek = BUCKET.format(name="creek", port=server.port)
        assert drain(site, lake, creek, STICK)
        assert waiting(site) == {}
        for bucket in ("lake", "creek"):
            for kind in ("alerts", "events"):
                keys = received(server, bucket, kind)
                assert len(keys) == len(set(keys)) == 5, (bucket, kind)
        assert len(list((site / "stick").rglob("*.jsonl.gz"))) == 2
        assert not read_stat(site / "data" / "outbox").losses


def test_what_is_taken_out_holds_nothing_any_more(site):
    with FaultServer() as server, FaultServer() as away:
        lake, pond = BUCKET.format(name="lake", port=server.port), BUCKET.format(name="pond", port=away.port)
        away.usual = fault.status(403)
        put(site, range(3))
        assert not drain(site, lake, pond)
        assert drain(site, lake)
        assert waiting(site) == {}
        assert len(server.objects) == 2, "and nothing was sent again"
