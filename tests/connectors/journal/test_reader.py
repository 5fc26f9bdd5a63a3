from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.journal import reader as reader_module
from connectors.journal.format import PREAMBLE
from connectors.journal.mark import Mark, read_mark
from connectors.journal.reader import JournalReader
from connectors.journal.segments import list_bases, segment_path
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import Notice, NoticeKind, SampleBatch
from connectors.tags import Tag, TagTable

PUMP = TagTable("pump", (Tag("flow", "m3/h", 0.1), Tag("head", "m")))
FAN = TagTable("fan", (Tag("speed", "1/min"),))
LARGE = JournalSettings(quota_bytes=10**9, segment_bytes=10_000)


def test_nothing_yet(folder: Path) -> None:
    reader = JournalReader(folder, 0)
    assert reader.read() == []
    assert reader.backlog_bytes == 0
    assert not reader.wait(0)
    reader.close()


def test_follows_rolls_and_keeps_order(folder: Path, make, drain, write) -> None:
    reader = JournalReader(folder, 0)
    with write(LARGE) as writer:
        for number in range(200):
            writer.append([make(number * 10 + 1), Notice(NoticeKind.IDLE, "fan", "idle", 0, number)])
        assert reader.wait(1)
        items = drain(reader)
        assert len(list_bases(folder)) > 3
        assert [int(item.value[0]) for item in items if isinstance(item, SampleBatch)] == [
            n * 10 + 1 for n in range(200)
        ]
        assert [item.end for item in items if isinstance(item, Notice)] == list(range(200))
        assert reader.books == writer.books
        assert reader.offset == writer.offset
        assert reader.backlog_bytes == 0
        tables = {id(item.tags) for item in items if isinstance(item, SampleBatch)}
        assert len(tables) == 1, "the same table is one object across segments"


def test_a_frame_larger_than_a_read_is_read_whole(folder: Path, make, write) -> None:
    with write(LARGE) as writer:
        writer.append([make(1, 5000)])
        (item,) = JournalReader(folder, 0).read(100)
        assert len(item) == 5000


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(stops=st.lists(st.integers(0, 60), min_size=1, max_size=4), max_bytes=st.integers(300, 5000))
def test_any_offset_a_reader_had_can_be_resumed(tmp_path_factory, make, stops: list[int], max_bytes: int) -> None:
    folder = tmp_path_factory.mktemp("journal")
    with JournalWriter(folder, [PUMP, FAN], LARGE) as writer:
        for number in range(60):
            writer.append([make(number * 10 + 1)])
        seen, offset = [], 0
        for stop in [*stops, 10**6]:
            reader = JournalReader(folder, offset)
            while len(seen) < stop and (items := reader.read(max_bytes)):
                seen += items
                assert reader.books.total == sum(map(len, seen))
            offset = reader.offset
            reader.close()
        assert [int(item.value[0]) for item in seen] == [n * 10 + 1 for n in range(60)]


def test_the_end_of_a_segment_can_be_resumed_without_a_mark(folder: Path, make, write) -> None:
    with write(LARGE) as writer:
        while len(list_bases(folder)) < 3:
            writer.append([make(1)])
        second = list_bases(folder)[1]
        (item, *_) = JournalReader(folder, second).read()
        assert isinstance(item, SampleBatch)


def test_live_reader_overtaken_by_the_quota_states_exactly_what_is_missing(
    folder: Path, make, drain, counted, write
) -> None:
    reader = JournalReader(folder, 0)
    with write() as writer:
        writer.append([make(1), make(1, 3, FAN)])
        items = reader.read()
        for number in range(1, 2000):
            writer.append([make(number * 10 + 1, 7), make(number * 10 + 1, 2, FAN)])
        items += drain(reader)
        assert writer.unread_segments_dropped > 10
    for asset, total in (("pump", 10 + 1999 * 7), ("fan", 3 + 1999 * 2)):
        blocks, missing = counted(items, asset)
        assert missing > 0
        assert blocks + missing == total
    notice = next(item for item in items if isinstance(item, Notice))
    assert (notice.kind, notice.reason, notice.source) == (NoticeKind.DROPPED, "journal_quota", "journal")
    assert 0 < notice.start < notice.end


@pytest.mark.parametrize("committed", [False, True])
def test_killed_reader_overtaken_by_the_quota_is_exact(
    folder: Path, make, drain, counted, write, committed: bool
) -> None:
    """It dies after a commit, with or without having written the mark for it, and its segment is gone on return."""
    with write() as writer:
        writer.append([make(1), make(11)])
        first = JournalReader(folder, 0)
        items = first.read()
        first.mark(first.offer())
        writer.append([make(21), make(1, 3, FAN)])
        items += first.read()
        offset = first.offer()
        if committed:
            first.mark(offset)
        writer.append([make(31)])
        first.read()  # never committed: lost with the reader
        for number in range(4, 2000):
            writer.append([make(number * 10 + 1)])
        items += drain(JournalReader(folder, offset))
        assert sum(counted(items, "pump")) == writer.books.of("pump").samples
        assert sum(counted(items, "fan")) == writer.books.of("fan").samples


def test_never_read_and_overtaken(folder: Path, make, drain, counted, write) -> None:
    with write() as writer:
        for number in range(2000):
            writer.append([make(number * 10 + 1)])
        blocks, missing = counted(drain(JournalReader(folder, 0)), "pump")
        assert missing > 0
        assert blocks + missing == 20_000


def test_dropped_notices_lost_with_a_segment_are_counted_too(folder: Path, make, drain, counted, write) -> None:
    with write() as writer:
        writer.append([Notice(NoticeKind.DROPPED, "pump", "queue_full", 1, 2, 1000)])
        for number in range(2000):
            writer.append([make(number * 10 + 1)])
        assert sum(counted(drain(JournalReader(folder, 0)), "pump")) == 21_000


def test_damage_in_a_finished_segment_is_skipped_and_counted(folder: Path, make, drain, counted, write) -> None:
    with write(LARGE) as writer:
        for number in range(200):
            writer.append([make(number * 10 + 1), make(number * 10 + 1, 1, FAN)])
        victim = segment_path(folder, list_bases(folder)[1])
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 0xFF
        victim.write_bytes(data)
        items = drain(JournalReader(folder, 0))
    assert {item.reason for item in items if isinstance(item, Notice)} == {"journal_corrupt"}
    for asset, total in (("pump", 2000), ("fan", 200)):
        blocks, missing = counted(items, asset)
        assert missing > 0
        assert blocks + missing == total


def test_damaged_head_costs_its_segment_only(folder: Path, make, drain, counted, write) -> None:
    with write(LARGE) as writer:
        for number in range(200):
            writer.append([make(number * 10 + 1)])
        with segment_path(folder, list_bases(folder)[1]).open("r+b") as file:
            file.seek(PREAMBLE.size + 20)
            file.write(b"\xff")
        blocks, missing = counted(drain(JournalReader(folder, 0)), "pump")
        assert 0 < missing < 1000
        assert blocks + missing == 2000


def test_what_is_appended_just_before_a_roll_is_not_left_behind(folder: Path, make, write, monkeypatch) -> None:
    """The writer appends and rolls between the reader's look at the file and its look at the folder."""
    with write(LARGE) as writer:
        writer.append([make(1)])
        reader = JournalReader(folder, 0)
        reader.read()

        def roll_first(where: Path) -> list[int]:
            monkeypatch.undo()
            writer.append([make(11)])
            writer.append([make(21, 500)])  # does not fit into the segment any more
            assert len(list_bases(where)) == 2
            return list_bases(where)

        monkeypatch.setattr(reader_module, "list_bases", roll_first)
        items = reader.read() + reader.read()
        assert [int(item.value[0]) for item in items if isinstance(item, SampleBatch)] == [11, 21]


def test_torn_tail_of_the_live_segment_means_not_yet(folder: Path, make, write) -> None:
    with write(LARGE) as writer:
        writer.append([make(1)])
        path = segment_path(folder, list_bases(folder)[0])
        size = path.stat().st_size
        writer.append([make(11)])
        whole = path.read_bytes()
        reader = JournalReader(folder, 0)
        os.truncate(path, size + 5)
        assert len(reader.read()) == 1
        path.write_bytes(whole[:-8])
        assert reader.read() == []
        path.write_bytes(whole)
        (item,) = reader.read()
        assert int(item.value[0]) == 11


def test_offsets_read_before_a_power_cut_are_never_given_again(folder: Path, make, drain, counted, write) -> None:
    """The flow committed bytes that the power cut then took from the journal."""
    with write(LARGE) as writer:
        writer.append([make(1)])
        path = segment_path(folder, list_bases(folder)[0])
        kept = path.stat().st_size
        writer.append([make(11), make(21)])
        reader = JournalReader(folder, 0)
        reader.read()
        offset = reader.offer()
    os.truncate(path, kept)
    back = JournalReader(folder, offset)
    assert back.read() == []
    with write(LARGE) as writer:
        assert writer.books.of("pump").samples == 30
        writer.append([make(31)])
        (item,) = back.read()
        assert int(item.value[0]) == 31


def test_cleared_folder_under_an_old_offset(folder: Path, make, drain, write) -> None:
    """An operator deletes the journal but not the flow's recovery store: nothing new may pass for read."""
    with write(LARGE) as writer:
        writer.append([make(1)])
        offset = writer.offset
    for path in folder.iterdir():
        path.unlink()
    with write(LARGE) as writer:
        writer.append([make(11)])
        (item,) = drain(JournalReader(folder, offset))
        assert int(item.value[0]) == 11


def test_mark_refuses_an_offset_whose_books_it_does_not_know(folder: Path, make, write) -> None:
    with write(LARGE) as writer:
        writer.append([make(1)])
        reader = JournalReader(folder, 0)
        reader.read()
        with pytest.raises(ValueError, match="offset 5"):
            reader.mark(5)


def test_a_reader_that_has_read_nothing_marks_nothing(folder: Path, make, write) -> None:
    """It does not know its books yet, and wrong ones would spoil the count of what the ring drops later."""
    with write(LARGE) as writer:
        writer.append([make(1)])
        reader = JournalReader(folder, writer.offset)
        reader.mark(reader.offer())
        assert read_mark(folder) == Mark()


def test_unreadable_mark_counts_as_none(folder: Path) -> None:
    folder.mkdir()
    for text in ("", "{}", "[1]", '{"committed": 3, "pending": null}', '{"committed": {"offset": 1}, "pending": null}'):
        (folder / "read.mark").write_text(text)
        assert read_mark(folder) == Mark()


def test_marks_are_on_disk_before_they_replace_one_that_was(folder: Path, make, write, monkeypatch) -> None:
    """A power cut must not leave an empty file where a durable mark stood: the flow might begin anew."""
    synced: list[int] = []
    monkeypatch.setattr("connectors.journal.mark.os.fdatasync", synced.append)
    with write(LARGE) as writer:
        writer.append([make(1)])
        reader = JournalReader(folder, 0)
        reader.read()
        reader.offer()
        assert len(synced) == 1
        reader.mark(reader.offset)
        assert len(synced) == 2
