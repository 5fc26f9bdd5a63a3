from __future__ import annotations

import gzip
import json
import os
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from cloud_sink.errors import PermanentReason
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.schema import DATABASE_NAME
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.parquet import read_summaries
from cloud_sink.records import Alert, Event, Lane, WindowSummary
from cloud_sink.settings import BatchSettings, OutboxSettings
from edge_gateway.cli import app

CONFIG = """
[gateway]
site = "s"
name = "g"
data = "data"
[[modbus]]
name = "press"
host = "127.0.0.1"
[[modbus.tags]]
asset = "a"
tag = "t"
address = "holding:100:float32:CDAB"
[[target]]
kind = "file"
path = "cloud"
[[target]]
kind = "file"
name = "archive"
path = "archive"
lanes = ["alerts"]
"""
SETTINGS = OutboxSettings(disk_reserve=0)
START = 1_700_000_100 * 10**9
MINUTE = 60 * 10**9
TARGETS = {"file": tuple(Lane), "archive": (Lane.ALERT,)}


def summary(i: int) -> WindowSummary:
    at, one, real = START + i * MINUTE, np.ones(1, np.int32), np.ones(1, np.float32)
    values = np.full((1, 1), i, np.float32)
    return WindowSummary("a", at, at + MINUTE, ("t",), ("mean",), one, one, real, values, 0.5, 1.0, "m@1")


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    """Three alerts, of which one is delivered to one of two targets, two events, twenty summaries."""
    (tmp_path / "gateway.toml").write_text(CONFIG)
    for name in ("cloud", "archive", "data", "data/outbox"):
        (tmp_path / name).mkdir()
    folder = tmp_path / "data" / "outbox"
    with closing(OutboxWriter(folder, SETTINGS)) as writer:
        times = [START + i for i in range(3)]
        writer.put([Alert("a", "HH", "opened", "alarm", 9.0, 8.0, "", at, at, at) for at in times])
        writer.put([Event("a", "gap", "link_down", START + i, START + i + 5) for i in range(2)])
        writer.put([summary(i) for i in range(20)])
    with closing(OutboxReader(folder, SETTINGS, BatchSettings(), targets=TARGETS)) as reader:
        queue = reader.queues["archive"]
        batch = queue.freeze(Lane.ALERT, 1)
        assert batch is not None
        queue.delivered(batch)
    return tmp_path / "gateway.toml"


def invoked(*arguments: object, code: int) -> Result:
    result = CliRunner().invoke(app, ["outbox", *map(str, arguments)], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result


def run(*arguments: object, code: int = 0) -> str:
    return invoked(*arguments, code=code).output


def told(*arguments: object, code: int = 0) -> object:
    return json.loads(invoked(*arguments, "--json", code=code).stdout)  # the log goes elsewhere


class TestStat:
    def test_what_waits_and_for_whom(self, gateway):
        facts = told("stat", gateway)
        assert {lane: waiting["count"] for lane, waiting in facts["waiting"].items()} == {
            "alert": 3,
            "event": 2,
            "summary": 20,
        }
        assert facts["targets"] == {"file": 25, "archive": 2}
        assert (facts["writer"], facts["deliver"]) == ("", "")

    def test_for_people(self, gateway):
        text = run("stat", gateway)
        assert [line.split()[:2] for line in text.splitlines() if line.strip().startswith(("alert", "summary"))] == [
            ["alert", "3"],
            ["summary", "20"],
        ]
        assert "archive: 2 to go" in text

    def test_beside_a_running_gateway(self, gateway):
        with closing(OutboxWriter(gateway.parent / "data" / "outbox", SETTINGS)) as writer:
            assert told("stat", gateway)["writer"] == str(os.getpid())
            writer.put([Event("a", "gap", "r", 1, 2)])
            assert told("stat", gateway)["waiting"]["event"]["count"] == 3

    def test_no_outbox(self, gateway):
        (gateway.parent / "data" / "outbox" / DATABASE_NAME).unlink()
        result = CliRunner().invoke(app, ["outbox", "stat", str(gateway)])
        assert result.exit_code == 1
        assert "outbox doctor" in result.output

    def test_no_configuration(self, tmp_path):
        run("stat", tmp_path / "none.toml", code=2)


class TestList:
    def test_in_the_order_of_leaving_with_who_has_it(self, gateway):
        lines = [json.loads(line) for line in run("ls", gateway, "--json").splitlines()]
        assert [line["lane"] for line in lines] == ["alert"] * 3 + ["event"] * 2 + ["summary"] * 20
        assert [line["had_by"] for line in lines[:2]] == [["archive"], []]
        assert "archive has it" in run("ls", gateway)

    def test_some(self, gateway):
        lines = run("ls", gateway, "--json", "--kind", "summaries", "--limit", "7").splitlines()
        assert [json.loads(line)["key"] for line in lines] == [summary(i).key for i in range(7)]

    def test_set_aside(self, gateway):
        folder = gateway.parent / "data" / "outbox"
        with closing(OutboxReader(folder, SETTINGS, BatchSettings(), targets={"file": tuple(Lane)})) as reader:
            queue = reader.queues["file"]
            queue.quarantine(queue.freeze(Lane.EVENT), PermanentReason.KEY_CONFLICT)
        assert "Nothing was set aside" in run("ls", gateway, "--set-aside", "--kind", "alerts")
        assert "quarantined" in run("ls", gateway, "--set-aside")
        assert told("export", gateway, "--to", gateway.parent / "archive", "--set-aside")["records"] == 2


class TestExport:
    def test_writes_all_and_deletes_nothing(self, gateway, tmp_path):
        out = tmp_path / "out"
        out.mkdir()
        before = told("stat", gateway)
        done = told("export", gateway, "--to", out)
        assert (done["records"], done["unreadable"]) == (25, 0)
        assert told("stat", gateway) == before
        files = sorted(path for path in out.rglob("*") if path.is_file())
        assert sorted(done["files"]) == [str(path.relative_to(out)) for path in files]
        alerts = [json.loads(line) for line in gzip.decompress(files[0].read_bytes()).splitlines()]
        assert [alert["rule"] for alert in alerts] == ["HH"] * 3
        summaries = [one for path in files if path.suffix == ".parquet" for one in read_summaries(path)]
        assert [one.start for one in summaries] == [summary(i).start for i in range(20)]
        assert len([path for path in files if path.suffix == ".parquet"]) == 2  # a quarter of an hour each

    def test_again_is_the_same(self, gateway, tmp_path):
        out = tmp_path / "out"
        out.mkdir()
        assert told("export", gateway, "--to", out) == told("export", gateway, "--to", out)

    def test_beside_a_running_gateway(self, gateway):
        folder = gateway.parent / "data" / "outbox"
        with closing(OutboxWriter(folder, SETTINGS)), closing(OutboxReader(folder, SETTINGS, BatchSettings())):
            assert told("export", gateway, "--to", gateway.parent / "archive")["records"] == 25

    def test_damaged_records_are_left_out_and_told(self, gateway):
        database = Database(gateway.parent / "data" / "outbox" / DATABASE_NAME)
        database.execute("UPDATE outbox SET body = x'00' WHERE seq = 2")
        database.close()
        done = told("export", gateway, "--to", gateway.parent / "archive", code=1)
        assert (done["records"], done["unreadable"]) == (24, 1)

    def test_no_folder(self, gateway, tmp_path):
        assert "is not a folder" in run("export", gateway, "--to", tmp_path / "none", code=2)


class TestDrain:
    def test_sends_all_to_the_targets(self, gateway):
        done = told("drain", gateway)
        assert done == {
            "sent": {"alert": 3, "event": 2, "summary": 20},
            "left": {"alert": 0, "event": 0, "summary": 0},
            "trouble": "",
        }
        cloud = gateway.parent / "cloud"
        assert len(list(cloud.rglob("*.parquet"))) == 2
        assert len(list((gateway.parent / "archive").rglob("*.gz"))) == 1  # of the two that it lacked

    def test_says_what_was_left_and_why(self, gateway):
        (gateway.parent / "cloud").rmdir()
        done = told("drain", gateway, code=1)
        assert done["left"] == {"alert": 3, "event": 2, "summary": 20}
        assert done["trouble"] == "target_missing"
        assert "target_missing" in run("drain", gateway, code=1)

    def test_to_a_medium(self, gateway, tmp_path):
        medium = tmp_path / "medium"
        medium.mkdir()
        (gateway.parent / "cloud").rmdir()
        assert sum(told("drain", gateway, "--to", medium)["sent"].values()) == 25
        assert len(list(medium.rglob("*.parquet"))) == 2
        assert sum(one["count"] for one in told("stat", gateway)["waiting"].values()) == 0

    def test_not_beside_a_running_gateway(self, gateway):
        with closing(OutboxReader(gateway.parent / "data" / "outbox", SETTINGS, BatchSettings())):
            assert "in use by process" in run("drain", gateway, code=1)

    def test_no_medium(self, gateway, tmp_path):
        assert "is not a folder" in run("drain", gateway, "--to", tmp_path / "none", code=2)


class TestDoctor:
    def findings(self, *arguments, code):
        return {one["what"]: one for one in told("doctor", *arguments, code=code)}

    def test_all_is_well(self, gateway):
        found = self.findings(gateway, code=0)
        assert set(found) == {"processes", "disk", "structure", "records", "alarm history", "counts", "quota"}
        assert {one["level"] for what, one in found.items() if what != "disk"} == {"ok"}

    def test_beside_a_running_gateway(self, gateway):
        folder = gateway.parent / "data" / "outbox"
        with closing(OutboxWriter(folder, SETTINGS)), closing(OutboxReader(folder, SETTINGS, BatchSettings())):
            found = self.findings(gateway, code=0)
            assert found["processes"]["said"] == f"writer: process {os.getpid()}, deliver: process {os.getpid()}"

    @pytest.mark.parametrize(
        ("what", "sql"),
        [
            ("records", "UPDATE outbox SET time = time + 1 WHERE seq = 5"),
            ("alarm history", "UPDATE alarms SET crc = crc + 1 WHERE seq = 1"),
            ("counts", "UPDATE held SET rows = rows + 1 WHERE lane = 1 AND state = 0"),
        ],
    )
    def test_says_what_is_wrong_and_what_to_do(self, gateway, what, sql):
        database = Database(gateway.parent / "data" / "outbox" / DATABASE_NAME)
        database.execute(sql)
        database.close()
        found = self.findings(gateway, code=1)
        assert [name for name, one in found.items() if one["level"] == "bad"] == [what]
        assert found[what]["fix"]

    def test_a_broken_index_and_its_cure(self, gateway):
        folder = gateway.parent / "data" / "outbox"
        database = Database(folder / DATABASE_NAME)
        ((root,),) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'outbox_waiting'")
        database.close()
        with (folder / DATABASE_NAME).open("r+b") as file:
            file.seek((root - 1) * 4096 + 3)
            file.write(bytes(2))  # it has no entries any more
        assert self.findings(gateway, code=1)["structure"]["level"] == "bad"
        assert "somebody asked for it" in self.findings(gateway, "--salvage", code=1)["mark"]["said"]
        OutboxWriter(folder, SETTINGS).close()
        found = self.findings(gateway, code=0)
        assert found["structure"]["level"] == "ok"
        assert found["old file"]["level"] == "warn"
        assert sum(told("drain", gateway)["sent"].values()) == 26  # with the alert that tells of it

    def test_a_file_that_is_none(self, gateway):
        (gateway.parent / "data" / "outbox" / DATABASE_NAME).write_bytes(b"nothing of the kind" * 1000)
        found = self.findings(gateway, code=1)
        assert "salvages" in found["file"]["fix"]

    def test_a_newer_file(self, gateway):
        database = Database(gateway.parent / "data" / "outbox" / DATABASE_NAME)
        database.execute("PRAGMA user_version = 99")
        database.close()
        assert self.findings(gateway, code=1)["version"]["fix"] == "Upgrade this software."

    def test_losses_and_quota(self, gateway):
        with closing(
            OutboxWriter(gateway.parent / "data" / "outbox", OutboxSettings(quota=4000, disk_reserve=0))
        ) as writer:
            writer.put([Event("a", "gap", "r", 1, 2)])
        assert "summary records dropped: outbox_quota" in self.findings(gateway, code=0)["losses"]["said"]

    def test_before_the_first_run(self, gateway):
        (gateway.parent / "data" / "outbox" / DATABASE_NAME).unlink()
        assert self.findings(gateway, code=0)["file"]["said"] == "there is none yet"

    def test_for_people(self, gateway):
        assert "every checksum right" in run("doctor", gateway)
