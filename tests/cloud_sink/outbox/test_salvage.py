"""A damaged file: what is intact is kept, what is lost is told, and nobody runs in circles (fault C4)."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cloud_sink.errors import OutboxDamaged, OutboxFull, OutboxLocked
from cloud_sink.outbox import files, salvage
from cloud_sink.outbox.carve import carve
from cloud_sink.outbox.damage import DamageMark
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.pages import PAGE, Pages
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.stat import read_stat
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Account, Lane
from cloud_sink.settings import BatchSettings, OutboxSettings

NAME = "outbox.sqlite3"
AT_ONCE = OutboxSettings(disk_reserve=0, lock_wait=timedelta(0))
ROWS = (
    "SELECT seq, lane, key, time, created, body, size, crc, state FROM outbox "
    "WHERE coalesce(instr(body, '\"outbox_damaged\"') + instr(body, '\"damaged_file\"'), 0) = 0"
)


@pytest.fixture
def tmp_path():
    """In memory where that can be: what is tested here is not the disk's."""
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def told(tmp_path):
    """Opens an outbox and says what alerts and events of damage wait in it."""

    def told():
        writer = OutboxWriter(tmp_path, AT_ONCE)
        bodies = [
            json.loads(body)
            for (body,) in writer._database.execute("SELECT body FROM outbox WHERE lane < 2 AND state = 0 ORDER BY seq")
        ]
        writer.close()
        alerts = [body for body in bodies if body.get("rule") == salvage.RULE]
        events = [body for body in bodies if body.get("reason") == salvage.REASON]
        return alerts, events

    return told


@pytest.fixture
def filled(tmp_path, make):
    """An outbox with a life behind it: replayed, frozen, delivered, forgotten; small rows and rows of many pages."""
    writer = OutboxWriter(tmp_path, AT_ONCE)
    reader = OutboxReader(tmp_path, AT_ONCE, BatchSettings(rows=20))
    queue = reader.queues["target"]
    for i in range(0, 300, 10):
        alerts = [make.alert(n) for n in range(i, i + 10)]
        if i % 100 == 0:
            alerts[3] = replace(alerts[3], detail="x" * 20_000)
        writer.put([*alerts, make.event(i), make.summary(i, tags=300)])
        if i % 50 == 0:
            queue.delivered(queue.freeze(Lane.ALERT))
        if i == 100:
            writer.snapshot_mark()
            writer.committed()
            reader.maintain()
    writer.put([Account("pump", 10, 10, 0)])
    queue.freeze(Lane.ALERT)
    queue.delivered(queue.freeze(Lane.SUMMARY, flush=True))  # leaves free pages with rows in them
    reader.close()
    writer.close()
    return tmp_path


def content(folder):
    database = Database(folder / NAME)
    try:
        rows = database.execute(ROWS + " ORDER BY seq")
        alarms = database.execute("SELECT * FROM alarms ORDER BY seq")
        batches = database.execute("SELECT seq, target, batch FROM progress ORDER BY seq")
        held = [row for row in database.execute("SELECT * FROM held ORDER BY lane, state") if row[0] > 1]
        return rows, alarms, batches, held
    finally:
        database.close()


def reopen(folder):
    OutboxWriter(folder, AT_ONCE).close()


def salvaged(folder):
    """Salvage as a start does that finds the mark."""
    DamageMark(folder).set("by the test")
    reopen(folder)
    return content(folder)


def overwrite(folder, at, data):
    with (folder / NAME).open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_of_a_whole_file_everything_is_kept(filled, told):
    before, accounts = content(filled), read_stat(filled).accounts
    assert len(before[2]) == 20  # one batch is frozen
    assert salvaged(filled) == before
    assert read_stat(filled).accounts == accounts == (Account("pump", 10, 10, 0),)
    (alert,), events = told()
    assert events == []
    assert "damaged (by the test)" in alert["detail"]
    assert "0 are lost" in alert["detail"]
    assert (alert["severity"], alert["alarm_state"]) == ("alarm", "RTNUN")


def test_what_is_only_in_the_log_is_kept(filled, tmp_path_factory, make):
    writer = OutboxWriter(filled, AT_ONCE)
    writer.put([make.alert(1000 + i) for i in range(30)])
    copy = tmp_path_factory.mktemp("killed")  # as a kill would leave it
    for name in (NAME, f"{NAME}-wal"):
        shutil.copy(filled / name, copy)
    writer.close()
    keys = {row[2] for row in salvaged(copy)[0]}
    assert {make.alert(1000 + i).key for i in range(30)} <= keys


def test_without_its_head_a_file_is_still_read(filled):
    before = content(filled)
    overwrite(filled, 0, bytes(100))
    reopen(filled)
    assert content(filled)[0] == before[0]


def test_with_its_schema_gone_too(filled):
    before = content(filled)
    overwrite(filled, 0, random.Random(1).randbytes(PAGE))
    reopen(filled)
    assert content(filled)[0] == before[0]


def test_no_row_of_a_free_page_comes_back(tmp_path, make):
    writer = OutboxWriter(tmp_path, AT_ONCE)
    reader = OutboxReader(tmp_path, AT_ONCE, BatchSettings(rows=150))
    queue = reader.queues["target"]
    writer.put([make.alert(i) for i in range(200)])
    writer.snapshot_mark()
    writer.committed()
    queue.delivered(queue.freeze(Lane.ALERT))
    reader.close()
    writer.close()
    database = Database(tmp_path / NAME)
    assert database.execute("PRAGMA freelist_count")[0][0] > 5, "nothing to see here"
    database.close()
    assert [row[2] for row in salvaged(tmp_path)[0]] == [make.alert(i).key for i in range(150, 200)]


def test_a_lost_page_costs_its_rows_and_is_told(filled, told):
    before = {row[0]: row for row in content(filled)[0]}
    pages = Pages(filled / NAME)
    victim = next(
        number for number, page in pages.live() if page[0] == 0x0D and number > 1 and page.count(b'"severity"') > 4
    )
    pages.close()
    overwrite(filled, (victim - 1) * PAGE, bytes(PAGE))
    after = {row[0]: row for row in salvaged(filled)[0] if row[8] == 0}
    ready = {seq: row for seq, row in before.items() if row[8] == 0}
    assert all(ready[seq] == row for seq, row in after.items())
    lost = len(ready) - len(after)
    (alert,), events = told()
    assert 0 < lost < 20
    assert sum(event["count"] for event in events) == lost
    assert f"{lost} are lost" in alert["detail"]
    assert sum(read_stat(filled).losses.values()) == lost


def test_a_batch_that_is_not_whole_any_more_is_begun_anew(filled):
    database = Database(filled / NAME)
    ((seq,),) = database.execute("SELECT max(seq) FROM progress")
    database.execute("UPDATE outbox SET crc = crc + 1 WHERE seq = ?", (seq,))
    database.close()
    rows, _, batches, _ = salvaged(filled)
    assert seq not in {row[0] for row in rows}
    assert batches == []


def test_rows_that_lie_about_their_state_are_ready(filled):
    before = content(filled)[0]
    database = Database(filled / NAME)
    database.execute("UPDATE outbox SET state = 4 WHERE state = 0 AND lane = 1")
    database.close()
    assert salvaged(filled)[0] == before


def test_damaged_books_are_begun_anew(filled):
    database = Database(filled / NAME)
    for key, value in (("account/pump", "{"), ("dropped/alert/x", -1), ("dropped/event/y", 7), ("committed_seq", 99)):
        database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
    database.close()
    salvaged(filled)
    assert read_stat(filled).accounts == ()
    assert read_stat(filled).losses == {"dropped/event/y": 7}


class TestTwoProcesses:
    def test_who_finds_damage_says_so_and_the_other_lets_go(self, writer, reader, make, tmp_path):
        writer.put([make.alert(0)])
        assert isinstance(reader._database.damaged("seen by the reader"), OutboxDamaged)
        with pytest.raises(OutboxDamaged, match="as the other process found out"):
            writer.put([make.alert(1)])

    def test_nobody_salvages_what_somebody_has_open(self, writer, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "_LETTING_GO", timedelta(0))
        DamageMark(tmp_path).set("by the test")
        with pytest.raises(OutboxLocked):
            OutboxReader(tmp_path, AT_ONCE, BatchSettings())
        assert DamageMark(tmp_path).is_set
        writer.close()
        OutboxReader(tmp_path, AT_ONCE, BatchSettings()).close()
        assert not DamageMark(tmp_path).is_set
        writer._role = OutboxWriter(tmp_path, AT_ONCE)._role

    def test_an_error_of_sqlite_sets_the_mark(self, writer, tmp_path):
        with pytest.raises(OutboxDamaged, match="no such table"):
            writer._database.execute("SELECT * FROM somewhere")
        assert "no such table" in DamageMark(tmp_path).reason

    def test_text_that_is_none_sets_the_mark(self, writer, tmp_path):
        with pytest.raises(OutboxDamaged):
            writer._database.execute("SELECT CAST(x'ff' AS TEXT)")
        assert DamageMark(tmp_path).is_set

    @pytest.mark.parametrize("key", ["account/pump", "dropped/alert/x"])
    def test_books_that_cannot_be_read_set_the_mark(self, writer, tmp_path, key):
        writer._database.execute("INSERT INTO meta VALUES (?, '[1')", (key,))
        with pytest.raises(OutboxDamaged):
            writer.stat()
        assert DamageMark(tmp_path).is_set


class TestCrashes:
    @pytest.mark.parametrize("at", range(9))
    def test_a_crash_at_any_step_is_made_up_for_at_the_next_start(self, filled, monkeypatch, at):
        before = content(filled)
        steps = iter(range(100))

        def dying(function):
            def step(*arguments, **named):
                if next(steps) == at:
                    raise KeyboardInterrupt
                return function(*arguments, **named)

            return step

        with monkeypatch.context() as patch:
            patch.setattr("pathlib.Path.rename", dying(salvage.Path.rename))
            patch.setattr("pathlib.Path.unlink", dying(salvage.Path.unlink))
            patch.setattr(salvage, "sync_folder", dying(salvage.sync_folder))
            DamageMark(filled).set("by the test")
            try:
                reopen(filled)
            except KeyboardInterrupt:
                crashed = True
            else:
                crashed = False
        assert crashed == (at < 8)
        reopen(filled)
        assert content(filled)[0] == before[0]
        assert not DamageMark(filled).is_set
        assert len(list(filled.glob(f"{NAME}.corrupt-*"))) == 1

    def test_the_third_attempt_in_a_row_begins_empty(self, filled, told, monkeypatch):
        def dying(*_):
            raise KeyboardInterrupt

        DamageMark(filled).set("by the test")
        with monkeypatch.context() as patch:
            patch.setattr(salvage, "_copy", dying)
            for _ in range(2):
                with pytest.raises(KeyboardInterrupt):
                    reopen(filled)
            reopen(filled)
        (alert,), events = told()
        assert "begins empty" in alert["detail"]
        assert [event["count"] for event in events] == [0, 0, 0]  # nobody knows how many
        (aside,) = filled.glob(f"{NAME}.corrupt-*")
        pages = Pages(aside)
        assert sum(1 for _ in carve(pages)) > 300
        pages.close()

    def test_without_room_it_is_tried_again_until_there_is_some(self, filled, monkeypatch):
        before, copy = content(filled), salvage._copy
        calls = []

        def full(*arguments):
            calls.append(1)
            if len(calls) < 10:
                raise OutboxFull(filled, "disk full")
            return copy(*arguments)

        monkeypatch.setattr(salvage, "_copy", full)
        (filled / f"{NAME}.corrupt-19700101T000000Z").touch()
        DamageMark(filled).set("by the test")
        for _ in range(4):
            with pytest.raises(OutboxFull):
                reopen(filled)
        assert not list(filled.glob("*.corrupt-*")), "an earlier old file goes where room is needed"
        reopen(filled)
        assert len(calls) == 10
        assert content(filled)[0] == before[0]

    def test_attempts_far_apart_are_not_in_a_row(self, tmp_path):
        mark, minute = DamageMark(tmp_path), 60 * 10**9
        mark.set("x")
        assert [mark.attempt(n * minute) for n in (100, 105, 120, 121)] == [1, 2, 1, 2]

    def test_only_the_latest_old_file_is_kept(self, filled, monkeypatch):
        salvaged(filled)
        (filled / f"{NAME}.corrupt-19700101T000000Z").touch()
        salvaged(filled)
        (aside,) = filled.glob(f"{NAME}.corrupt-*")
        assert aside.stat().st_size > 0


def test_a_bad_sector_costs_its_page(filled, monkeypatch):
    before = content(filled)[0]
    real = salvage.Pages.__getitem__

    def reading(pages, number):
        return b"" if number % 7 == 3 else real(pages, number)

    monkeypatch.setattr(salvage.Pages, "__getitem__", reading)
    after = salvaged(filled)[0]
    assert set(after) < set(before)
    assert len(after) > 0.5 * len(before)


@pytest.mark.parametrize("seed", range(12))
def test_random_bytes_never_make_a_wrong_row(filled, seed):
    """A row's number may be hit, which no checksum covers: then it goes at another place in the queue."""
    chance = random.Random(seed)
    before = {row[2]: row[1:8] for row in content(filled)[0]}
    size = (filled / NAME).stat().st_size
    for _ in range(chance.randint(1, 64)):
        overwrite(filled, chance.randrange(size), chance.randbytes(1))
    for _, lane, key, at, created, body, length, crc, _ in salvaged(filled)[0]:
        if body is not None:
            assert (lane, key, at, created, body, length, crc) == before[key]
