from __future__ import annotations

import errno
import os
from datetime import timedelta

import pytest

from cloud_sink.errors import OutboxError, OutboxLocked, OutboxTooNew
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.lock import RoleLock
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.reserve import DiskReserve
from cloud_sink.outbox.stat import read_stat
from cloud_sink.outbox.wake import Bell, ring
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.settings import BatchSettings, OutboxSettings


class TestRoles:
    def test_a_second_writer_is_refused_and_told_who_the_first_is(self, writer, tmp_path):
        with pytest.raises(OutboxLocked, match=f"in use by process {os.getpid()};"):
            OutboxWriter(tmp_path, OutboxSettings(lock_wait=timedelta(0)))

    def test_a_second_deliverer_is_refused(self, reader, tmp_path):
        with pytest.raises(OutboxLocked):
            OutboxReader(tmp_path, OutboxSettings(lock_wait=timedelta(0)), BatchSettings())

    def test_a_restarted_process_waits_for_a_dying_one(self, tmp_path):
        dying = RoleLock(tmp_path / "lock", timedelta(0))
        slept = []

        def sleep(seconds):
            slept.append(seconds)
            if len(slept) == 3:
                dying.close()

        RoleLock(tmp_path / "lock", timedelta(seconds=5), monotonic=lambda: 0.0, sleep=sleep).close()
        assert len(slept) == 3

    def test_waiting_ends(self, tmp_path):
        first = RoleLock(tmp_path / "lock", timedelta(0))
        now = iter(range(100))
        with pytest.raises(OutboxLocked):
            RoleLock(tmp_path / "lock", timedelta(seconds=5), monotonic=lambda: float(next(now)), sleep=lambda _: None)
        first.close()

    def test_a_newer_file_is_refused_and_left_alone(self, tmp_path, small):
        OutboxWriter(tmp_path, small).close()
        database = Database(tmp_path / "outbox.sqlite3")
        database.execute("PRAGMA user_version = 99")
        database.close()
        for _ in range(2):  # the lock is let go each time
            with pytest.raises(OutboxTooNew, match="has schema 99, this software knows up to 3; upgrade it"):
                OutboxWriter(tmp_path, OutboxSettings(lock_wait=timedelta(0)))

    def test_not_a_database_is_put_aside(self, tmp_path, small, make):
        (tmp_path / "outbox.sqlite3").write_bytes(b"something else entirely" * 100)
        writer = OutboxWriter(tmp_path, small)
        assert writer.put([make.alert(0)]).written == 1
        writer.close()
        (aside,) = tmp_path.glob("outbox.sqlite3.corrupt-*")
        assert aside.read_bytes().startswith(b"something else")

    def test_an_onlooker_does_not_create_an_outbox(self, tmp_path):
        with pytest.raises(OutboxError):
            read_stat(tmp_path)
        assert list(tmp_path.iterdir()) == []


class TestBell:
    def test_all_rings_are_one_waking(self, tmp_path):
        bell = Bell(tmp_path)
        ring(tmp_path)
        ring(tmp_path)
        assert bell.wait(10)
        assert not bell.wait(0)
        bell.close()

    def test_nobody_listens(self, tmp_path):
        ring(tmp_path)
        Bell(tmp_path).close()
        ring(tmp_path)

    def test_a_thousand_unread_rings_do_not_block(self, tmp_path):
        bell = Bell(tmp_path)
        for _ in range(70_000):
            bell.ring()
        ring(tmp_path)
        assert bell.wait(0)
        bell.close()

    def test_alerts_ring_and_the_rest_does_not(self, writer, make, tmp_path):
        bell = Bell(tmp_path)
        writer.put([make.summary(0), make.event(0)])
        assert not bell.wait(0)
        writer.put([make.alert(0)])
        assert bell.wait(0)
        bell.close()


class TestDiskReserve:
    def test_takes_real_room_and_gives_it_back(self, tmp_path):
        reserve = DiskReserve(tmp_path / "reserve", 65_536)
        assert reserve.restore()
        assert (tmp_path / "reserve").stat().st_blocks * 512 >= 65_536
        assert reserve.release()
        assert not reserve.release()
        assert reserve.restore()

    def test_is_not_taken_from_a_nearly_full_disk(self, tmp_path):
        assert not DiskReserve(tmp_path / "reserve", 1 << 60).restore()
        assert not (tmp_path / "reserve").exists()

    def test_none_wanted(self, tmp_path):
        assert not DiskReserve(tmp_path / "reserve", 0).restore()

    def test_a_disk_without_a_free_inode_has_none(self, tmp_path, monkeypatch):
        def full(*_args):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("cloud_sink.outbox.reserve.os.open", full)
        assert not DiskReserve(tmp_path / "reserve", 4096).restore()

    def test_one_that_a_crash_left_empty_is_filled(self, tmp_path):
        (tmp_path / "reserve").touch()
        assert DiskReserve(tmp_path / "reserve", 65_536).restore()
        assert (tmp_path / "reserve").stat().st_blocks * 512 >= 65_536
