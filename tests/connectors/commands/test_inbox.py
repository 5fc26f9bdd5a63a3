"""From a file to the journal: nothing a person asked is lost on the way, and no file can break the way."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from connectors.commands.command import Action, Command
from connectors.commands.inbox import CommandInbox
from connectors.commands.post import post
from connectors.hopper import Hopper
from connectors.intake import IntakeSettings, acquire
from connectors.journal.reader import JournalReader
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import Item, Notice, NoticeKind
from connectors.tags import Tag, TagTable

PUMP = TagTable("pump-1", (Tag("flow"),))


def ask(at: int = 5, alarm: str = "anomaly") -> Command:
    return Command(action=Action.ACKNOWLEDGE, asset="pump-1", alarm=alarm, at=at, by="operator-1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "commands"


def test_a_command_is_one_whole_file_under_a_name_of_its_own(folder: Path) -> None:
    first, second = post(folder, ask()), post(folder, ask())
    assert first != second
    assert sorted(folder.iterdir()) == sorted([first, second])
    assert first.read_bytes() == ask().encode()


def test_a_command_that_cannot_be_written_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("connectors.commands.post.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        post(folder, ask())
    assert list(folder.iterdir()) == []


def test_is_durable_when_posted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(
        "connectors.commands.post.os.fsync",
        lambda handle: synced.append(str(Path(f"/proc/self/fd/{handle}").readlink())),
    )
    path = post(folder, ask())
    assert synced == [str(path.with_suffix(".new")), str(folder)]


def test_commands_are_handed_over_once_in_the_order_of_asking(folder: Path) -> None:
    for at in (7, 5, 11):
        post(folder, ask(at))
    inbox = CommandInbox(folder)
    assert [notice.start for notice in inbox.look()] == [5, 7, 11]
    assert inbox.look() == []
    assert inbox.counters() == {"commands": 3, "refused": 0}


def test_a_file_goes_when_its_notice_is_stored_and_not_before(folder: Path) -> None:
    one, two = post(folder, ask(5)), post(folder, ask(7))
    inbox = CommandInbox(folder)
    first, _ = inbox.look()
    assert one.exists()
    inbox.stored(first)
    assert (one.exists(), two.exists()) == (False, True)
    assert [notice.start for notice in CommandInbox(folder).look()] == [7]  # another life hands it over again


def test_two_files_that_say_the_same_are_one_notice_and_both_go(folder: Path) -> None:
    files = [post(folder, ask()), post(folder, ask())]
    inbox = CommandInbox(folder)
    (notice,) = inbox.look()
    inbox.stored(notice)
    assert [path.exists() for path in files] == [False, False]


def test_a_file_that_cannot_be_deleted_is_handed_over_once_a_life(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    post(folder, ask())
    inbox = CommandInbox(folder)
    (notice,) = inbox.look()
    monkeypatch.setattr(Path, "unlink", refuse)
    inbox.stored(notice)
    assert inbox.look() == []


def test_what_is_no_command_is_moved_aside_and_the_rest_goes_on(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (folder / "0-garbage.json").write_bytes(b"\x00\xff")
    (folder / "0-large.json").write_bytes(ask().encode() + b" " * 70_000)
    (folder / "0-link.json").symlink_to(post(tmp_path, ask()))
    os.mkfifo(folder / "0-pipe.json")
    (folder / "0-folder.json").mkdir()
    writing = os.open(folder / "0-pipe.json", os.O_RDWR)  # somebody holds the other end and says nothing
    (folder / "unfinished.new").write_bytes(b"{")
    post(folder, ask())
    inbox = CommandInbox(folder)
    assert [notice.start for notice in inbox.look()] == [5]
    assert inbox.counters() == {"commands": 1, "refused": 5}
    names = {"0-garbage.json", "0-large.json", "0-link.json", "0-pipe.json", "0-folder.json"}
    assert {path.name for path in (folder / "refused").iterdir()} == names
    assert inbox.look() == []
    os.close(writing)


def test_of_what_is_refused_the_latest_stay(folder: Path) -> None:
    folder.mkdir()
    inbox = CommandInbox(folder)
    for number in range(150):
        (folder / f"{number:03}.json").write_bytes(b"no")
    inbox.look()
    inbox.look()
    assert sorted(path.name for path in (folder / "refused").iterdir()) == [f"{n:03}.json" for n in range(50, 150)]


def test_what_cannot_be_moved_aside_is_refused_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    folder.mkdir()
    (folder / "0.json").write_bytes(b"no")
    monkeypatch.setattr(Path, "replace", refuse)
    inbox = CommandInbox(folder)
    for _ in range(2):
        assert inbox.look() == []
    assert inbox.counters()["refused"] == 1


def test_a_folder_that_cannot_be_is_waited_for(folder: Path) -> None:
    folder.touch()
    inbox = CommandInbox(folder)
    assert inbox.look() == []
    folder.unlink()
    post(folder, ask())
    assert len(inbox.look()) == 1


def test_a_full_queue_takes_a_command_all_the_same() -> None:
    hopper = Hopper(1000)
    gap = Notice(NoticeKind.GAP, "pump-1", "link_down", 1, 2)
    for _ in range(1001):
        hopper.put(gap)
    hopper.put(ask().notice())
    assert hopper.take(0)[-2:] == [
        Notice(NoticeKind.DROPPED, "pump-1", "queue_full", 1, 2, 0, "intake"),
        ask().notice(),
    ]


class Station:
    """The inbox in a running intake, over a real journal."""

    def __init__(self, folder: Path, journal: Path) -> None:
        self.inbox = CommandInbox(folder, look_every_s=0.01)
        self.journal = journal

    def run_until_stored(self) -> None:
        """Run until a command has gone through."""

        async def main() -> None:
            stop, loop = asyncio.Event(), asyncio.get_running_loop()

            def stored(notice: Notice) -> None:
                self.inbox.stored(notice)
                loop.call_soon_threadsafe(stop.set)

            with JournalWriter(self.journal, [PUMP], JournalSettings()) as writer:
                running = acquire([self.inbox], writer, IntakeSettings(), stop, on_command=stored)
                await asyncio.wait_for(running, 20)

        asyncio.run(main())

    def journalled(self) -> list[Item]:
        return JournalReader(self.journal, 0).read()


def test_a_command_is_read_back_from_the_journal_and_its_file_is_gone(folder: Path, tmp_path: Path) -> None:
    path = post(folder, ask())
    station = Station(folder, tmp_path / "journal")
    station.run_until_stored()
    assert station.journalled() == [ask().notice()]
    assert not path.exists()


def test_a_command_is_durable_before_its_file_goes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = post(folder, ask())
    there: list[bool] = []
    sync = JournalWriter.sync

    def looked(writer: JournalWriter) -> bool:
        there.append(path.exists())
        return sync(writer)

    monkeypatch.setattr(JournalWriter, "sync", looked)
    Station(folder, tmp_path / "journal").run_until_stored()
    assert there[0]
    assert not path.exists()


def test_a_disk_that_does_not_sync_keeps_the_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = post(folder, ask())
    inbox = CommandInbox(folder, look_every_s=0.01)
    monkeypatch.setattr(JournalWriter, "sync", lambda _writer: False)

    async def main() -> None:
        stop = asyncio.Event()
        with JournalWriter(tmp_path / "journal", [PUMP], JournalSettings()) as writer:

            def seen(_status: object) -> None:
                if JournalReader(tmp_path / "journal", 0).read():
                    stop.set()

            await asyncio.wait_for(acquire([inbox], writer, IntakeSettings(), stop, seen, inbox.stored), 20)

    asyncio.run(main())
    assert path.exists()
    assert len(CommandInbox(folder).look()) == 1
