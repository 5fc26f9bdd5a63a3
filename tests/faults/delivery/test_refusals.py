"""C10: what must not begin does not begin, says why, and does not run in circles."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from cloud_sink.outbox.database import Database
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.schema import DATABASE_NAME
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.settings import MIB, BatchSettings, OutboxSettings
from edge_gateway.exit_codes import Exit
from tests.faults.delivery.lives import alert

pytestmark = pytest.mark.integration

SETTINGS = OutboxSettings(disk_reserve=0)
REPOSITORY = Path(__file__).parents[3]
CONFIG = """
[gateway]
site = "s"
name = "g"
data = "{data}"
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
"""


@pytest.fixture
def gateway(tmp_path):
    """`gateway(*words)`: what a process of the gateway says at its end, and its exit code."""
    (tmp_path / "cloud").mkdir()
    (tmp_path / "gateway.toml").write_text(CONFIG.format(data="data"))
    outbox = tmp_path / "data" / "outbox"
    outbox.mkdir(parents=True)

    def gateway(*words, data="data"):
        (tmp_path / "gateway.toml").write_text(CONFIG.format(data=data))
        done = subprocess.run(
            [sys.executable, "-m", "edge_gateway", *words[:1], str(tmp_path / "gateway.toml"), *words[1:]],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    gateway.outbox = outbox
    return gateway


def test_c10_older_software_on_a_newer_file(gateway, account):
    OutboxWriter(gateway.outbox, SETTINGS).close()
    database = Database(gateway.outbox / DATABASE_NAME)
    database.execute("PRAGMA user_version = 99")
    database.close()
    code, said = gateway("run")  # the whole gateway: it ends by itself
    assert code == Exit.CONFIG
    assert "has schema 99" in said
    assert "upgrade it, or use another data folder" in said
    assert not list(gateway.outbox.glob("*corrupt*"))
    database = Database(gateway.outbox / DATABASE_NAME)
    assert database.execute("PRAGMA user_version") == [(99,)]
    database.close()
    account("C10", "older software on a newer file", runs=1, lost=0, twice=0, recovery_s=None, told="refused, ends")


def test_c10_two_processes_on_one_outbox(gateway, account):
    with closing(OutboxWriter(gateway.outbox, SETTINGS)) as writer:
        writer.put([alert(0)])
        with closing(OutboxReader(gateway.outbox, SETTINGS, BatchSettings())):
            code, said = gateway("run", "--only", "deliver", "--drain")
        assert writer.put([alert(1)]).written == 1
    assert code == Exit.FAILED
    assert f"in use by process {os.getpid()}" in said
    account(
        "C10", "two processes on one outbox", runs=1, lost=0, twice=0, recovery_s=None, told="refused, names the other"
    )


def test_c10_a_data_folder_that_is_none(gateway, tmp_path):
    (tmp_path / "file").touch()
    code, said = gateway("run", data="file/data")
    assert code == Exit.CONFIG
    assert "cannot be written: Not a directory. Name a folder on a local disk" in said


def test_c10_a_read_only_data_folder(gateway, small_disk, account):
    with small_disk(16 * MIB) as disk:
        (disk.point / "data").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", disk.point], check=True)
        code, said = gateway("run", data=disk.point / "data")
    assert code == Exit.CONFIG
    assert "cannot be written: Read-only file system" in said
    account("C10", "read-only data folder", runs=1, lost=0, twice=0, recovery_s=None, told="refused, ends")
