from __future__ import annotations

import errno
import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from connectors.errors import JournalLocked, JournalTooNew, JournalWriteFailed, UnknownAsset
from connectors.journal import writer as writer_module
from connectors.journal.format import PREAMBLE
from connectors.journal.reader import JournalReader
from connectors.journal.segments import list_bases, segment_path
from connectors.journal.settings import JournalSettings
from connectors.journal.syncer import Syncer
from connectors.journal.writer import JournalWriter
from connectors.samples import Notice, SampleBatch
from connectors.tags import Tag, TagTable

PUMP = TagTable("pump", (Tag("flow", "m3/h", 0.1), Tag("head", "m")))
FAN = TagTable("fan", (Tag("speed", "1/min"),))
LARGE = JournalSettings(quota_bytes=10**9, segment_bytes=10_000)


def test_torn_tail_is_cut_at_every_byte_of_the_last_frame(folder: Path, make, drain, write) -> None:
    with write(LARGE) as writer:
        writer.append([make(1)])
        path = segment_path(folder, list_bases(folder)[0])
        whole_at = path.stat().st_size
        writer.append([make(11, 3)])
    whole = path.read_bytes()
    for size in range(whole_at, len(whole)):
        for segment in list_bases(folder):
            segment_path(folder, segment).unlink()
        path.write_bytes(whole[:size])
        with write(LARGE) as writer:
            assert writer.recovered.cut_bytes == size - whole_at
            assert writer.recovered.samples == 10
            assert dict(writer.recovered.newest) == {"pump": 10}
            writer.append([make(101)])
            assert path.stat().st_size == whole_at
        items = drain(JournalReader(folder, 0))
        assert [int(item.value[0]) for item in items] == [1, 101]


@pytest.mark.parametrize("tail", [bytes(4096), b"\xff" * 100])
def test_garbage_at_the_end_is_cut(folder: Path, make, drain, write, tail: bytes) -> None:
    with write(LARGE) as writer:
        writer.append([make(1)])
        path = segment_path(folder, list_bases(folder)[0])
    with path.open("ab") as file:
        file.write(tail)
    with write(LARGE) as writer:
        assert writer.recovered.cut_bytes == len(tail)
        assert len(drain(JournalReader(folder, 0))) == 1


@pytest.mark.parametrize("where", [0.3, 0.5, 0.7])
def test_what_rots_in_the_middle_is_counted_and_stated(folder: Path, make, drain, counted, write, where: float) -> None:
    with write(LARGE) as writer:
        for life in range(20):
            writer.append([make(10 * life + 1, 10, FAN if life % 3 else PUMP)])
    path = segment_path(folder, list_bases(folder)[0])
    rotten = bytearray(path.read_bytes())
    rotten[int(where * len(rotten)) // 8 * 8 + 20] ^= 0x10  # within the columns of a block
    path.write_bytes(rotten)
    with write(LARGE) as writer:
        assert writer.recovered.samples == 200
        writer.append([make(1001, 5), make(1001, 5, FAN)])
    items = drain(JournalReader(folder, 0))
    told = [counted(items, asset) for asset in ("pump", "fan")]
    assert sum(there + missing for there, missing in told) == 210
    assert sum(missing for _, missing in told) > 0
    assert {item.reason for item in items if isinstance(item, Notice)} == {"journal_corrupt"}


def test_last_segment_without_a_head_is_discarded(folder: Path, make, drain, write) -> None:
    """A power cut can keep the name of a new file and lose its content."""
    with write(LARGE) as writer:
        writer.append([make(1)])
        end = writer.offset
    segment_path(folder, end).touch()
    with write(LARGE) as writer:
        writer.append([make(11)])
        assert [int(item.value[0]) for item in drain(JournalReader(folder, 0))] == [1, 11]


def test_every_life_of_the_writer_adds_to_the_books(folder: Path, make, drain, counted, write) -> None:
    for life in range(5):
        with write(LARGE) as writer:
            assert writer.recovered.samples == life * 10
            writer.append([make(life * 10 + 1)])
    assert counted(drain(JournalReader(folder, 0)), "pump") == (50, 0)


def test_a_start_without_appends_leaves_no_empty_segments_behind(folder: Path, write) -> None:
    for _ in range(5):
        write(LARGE).close()
    assert len(list_bases(folder)) == 1


def test_new_tables_begin_a_new_segment(folder: Path, make, drain) -> None:
    other = TagTable("pump", (Tag("pressure", "bar"),))
    for table in (PUMP, other):
        with JournalWriter(folder, [table], LARGE) as writer:
            writer.append([make(1, 2, table)])
    assert [item.tags for item in drain(JournalReader(folder, 0))] == [PUMP, other]


def test_second_writer_is_refused(folder: Path, write) -> None:
    with write(LARGE), pytest.raises(JournalLocked, match=f"process {os.getpid()}"):
        write(LARGE)
    write(LARGE).close()


def test_newer_format_is_refused_and_left_alone(folder: Path, make, write) -> None:
    with write(LARGE) as writer:
        writer.append([make(1)])
    path = segment_path(folder, list_bases(folder)[0])
    newer = PREAMBLE.pack(b"SLUICE", 9) + path.read_bytes()[8:]
    path.write_bytes(newer)
    for _ in range(2):  # the lock is free again
        with pytest.raises(JournalTooNew, match="format 9"):
            write(LARGE)
    assert path.read_bytes() == newer


def test_quota_holds_at_all_times(folder: Path, make, write) -> None:
    with write() as writer:
        for number in range(1000):
            writer.append([make(number * 10 + 1)])
            assert sum(path.stat().st_size for path in folder.glob("*.seg")) <= 40_000


def test_read_segments_are_kept_until_the_retention(folder: Path, make, drain) -> None:
    now = 10**18
    keep = JournalSettings(10**9, 10_000, retention=timedelta(hours=1))
    with JournalWriter(folder, [PUMP], keep, lambda: now) as writer:
        reader = JournalReader(folder, 0)

        def fill(first: int) -> None:
            for number in range(100):
                writer.append([make(first + number * 10)])

        fill(1)
        drain(reader)
        reader.mark(reader.offset)
        fill(1001)
        young = len(list_bases(folder))
        now += 2 * 3600 * 10**9
        fill(2001)
        assert young > 4
        assert list_bases(folder)[0] <= reader.offset, "the segment around the mark stays"
        assert len([base for base in list_bases(folder) if base < reader.offset]) == 1
        assert writer.unread_segments_dropped == 0


def test_unknown_tables_are_refused(folder: Path, make, write) -> None:
    with write(LARGE) as writer:
        for table in (TagTable("stranger", ()), TagTable("pump", (Tag("other"),))):
            with pytest.raises(UnknownAsset, match=table.asset):
                writer.append([make(1), make(1, 0, table)])
        assert writer.books.total == 0
        writer.append([make(1, 1, TagTable("pump", PUMP.tags))])  # equal is good enough


def test_two_tables_of_one_asset_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="every asset"):
        JournalWriter(folder, [PUMP, PUMP], LARGE)


def test_an_append_the_disk_refuses_leaves_nothing(folder: Path, make, drain, write, monkeypatch) -> None:
    with write(LARGE) as writer:
        writer.append([make(1)])
        real, calls = os.pwrite, iter([100])

        def full(descriptor: int, data: bytes, place: int) -> int:
            for some in calls:
                return real(descriptor, data[:some], place)
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(writer_module.os, "pwrite", full)
        with pytest.raises(JournalWriteFailed, match="No space left"):
            writer.append([make(11)])
        monkeypatch.undo()
        assert writer.books.total == 10
        writer.append([make(21)])
        assert [int(item.value[0]) for item in drain(JournalReader(folder, 0))] == [1, 21]


def test_failed_sync_is_counted_and_tried_again(tmp_path: Path) -> None:
    fails = [True, False]

    def fsync(descriptor: int) -> None:
        if fails.pop(0):
            raise OSError(errno.EIO, "I/O error")

    syncer = Syncer(tmp_path, timedelta(hours=1), fsync)
    syncer.follow(os.open(tmp_path / "a", os.O_CREAT | os.O_RDWR))
    assert not syncer.sync()
    assert syncer.failures == 1
    assert syncer.sync()
    assert fails == []
    syncer.close()


def test_files_are_for_the_owner_only(folder: Path, write) -> None:
    with write(LARGE):
        assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *folder.iterdir()])


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"segment_bytes": 10}, "segment_bytes = 10"),
        ({"quota_bytes": 100, "segment_bytes": 5000}, "quota_bytes = 100"),
        ({"fsync_every": timedelta(0)}, "fsync_every"),
        ({"retention": timedelta(0)}, "retention"),
    ],
)
def test_impossible_settings_are_refused(values: dict, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        JournalSettings(**values)


def test_a_full_disk_costs_the_oldest_and_not_the_newest(
    folder: Path, make, drain, counted, write, monkeypatch
) -> None:
    """The quota may be larger than what others leave of the disk: the ring then is as large as the disk allows."""
    real, room = os.pwrite, 60_000

    def pwrite(descriptor: int, data: bytes, place: int) -> int:
        if sum(path.stat().st_size for path in folder.iterdir() if path.suffix != ".lock") + len(data) > room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data, place)

    monkeypatch.setattr(writer_module.os, "pwrite", pwrite)
    with write(JournalSettings(10**9, 10_000)) as writer:
        for first in range(1, 10_001, 10):
            writer.append([make(first)])
        items = drain(JournalReader(folder, 0))
        kept, lost = counted(items, "pump")
        assert kept + lost == 10_000
        assert kept > 1000
        assert items[-1].source_time[-1] == 10_000
        assert writer.unread_segments_dropped > 0


def test_a_disk_full_of_other_things_is_told(folder: Path, make, write, monkeypatch) -> None:
    def full(*_args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with write(LARGE) as writer:
        monkeypatch.setattr(writer_module.os, "pwrite", full)
        with pytest.raises(JournalWriteFailed, match="No space left"):
            writer.append([make(1)])


def test_a_clock_that_jumps_ahead_does_not_empty_the_ring(folder: Path, make, drain) -> None:
    now = 10**18
    keep = JournalSettings(10**9, 10_000, retention=timedelta(hours=1))
    with JournalWriter(folder, [PUMP], keep, lambda: now) as writer:
        reader = JournalReader(folder, 0)
        for first in range(1, 3001, 10):
            writer.append([make(first)])
        drain(reader)
        reader.mark(reader.offset)
        before = len(list_bases(folder))
        assert before > 8
        now += 365 * 86_400 * 10**9
        while len(list_bases(folder)) == before:  # until the next segment begins
            writer.append([make(3001)])
        assert before - 2 <= len(list_bases(folder)) < before


def test_a_start_leaves_alone_what_the_flow_is_writing(folder: Path, write) -> None:
    folder.mkdir()
    (folder / "read.mark.new").write_bytes(b"half")
    (folder / "00000000000000000007.new").write_bytes(b"half")
    write(LARGE).close()
    assert (folder / "read.mark.new").exists()
    assert not (folder / "00000000000000000007.new").exists()


def test_blocks_of_other_tables_follow_in_a_segment_of_their_own(tmp_path: Path) -> None:
    fan = TagTable("fan", (Tag("speed"),))
    wider = TagTable("fan", (Tag("speed"), Tag("torque")))
    other = TagTable("mill", (Tag("power"),))

    def block(table: TagTable, first: int) -> SampleBatch:
        times = np.arange(first, first + 5)
        return SampleBatch(table, np.zeros(5, np.uint16), times, times * 1.0, np.zeros(5, np.uint32), first)

    with JournalWriter(tmp_path, [fan], JournalSettings()) as writer:
        writer.append([block(fan, 1)])
        writer.adopt([fan])  # as it is: nothing is begun
        assert len(list_bases(tmp_path)) == 1
        writer.adopt([other, wider])
        writer.append([block(wider, 11), block(other, 21)])
        with pytest.raises(UnknownAsset):
            writer.append([block(fan, 31)])
        assert len(list_bases(tmp_path)) == 2
        with pytest.raises(ValueError, match="once"):
            writer.adopt([fan, wider])
        writer.append([block(wider, 41)])
    reader, items = JournalReader(tmp_path, 0), []
    while more := reader.read():
        items += more
    reader.close()
    assert [(item.tags, int(item.source_time[0])) for item in items] == [
        (fan, 1),
        (wider, 11),
        (other, 21),
        (wider, 41),
    ]
