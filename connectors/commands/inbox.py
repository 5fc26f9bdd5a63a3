"""The acquire process's side: command files become notices, and go when the journal has them on the disk.

A file is deleted only after the journal was synced with its notice in it. A death in between hands the command over
once more at the next start, which is harmless: an alarm that is acknowledged, shelved until then, unshelved or reset
already stays what it is. A command that the journal's ring drops unread, because the flow was away for too long, is
lost; the alarm shows it, and it can be asked again.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

import structlog

from connectors.commands.command import decode_command
from connectors.driver import Emit
from connectors.samples import Notice
from connectors.tags import TagTable

log = structlog.get_logger(__name__)

REFUSED = "refused"  # folder for files that are no commands
_LOOK_EVERY_S = 1.0
_MOST_BYTES = 65_536
_MOST_FILES = 100  # of one look
_MOST_REFUSED = 100  # the latest to be looked at; older ones go


class CommandInbox:
    """A driver without a device: it reads a folder.

    Attributes:
        name: Of the driver.
        tables: None: it fills no assets.
        trouble: None: a folder is no link.
    """

    name = "(commands)"  # no link can be named so
    tables: Sequence[TagTable] = ()
    trouble = ""

    def __init__(self, folder: Path, look_every_s: float = _LOOK_EVERY_S) -> None:
        """Touches no file yet.

        Args:
            folder: Where `post` puts commands.
            look_every_s: Seconds between two looks.
        """
        self._folder = folder
        self._look_every_s = look_every_s
        self._on_way: dict[Notice, set[Path]] = {}
        self._done_with: set[Path] = set()  # handed over, or not to be helped: not looked at again in this life
        self._lock = Lock()  # files are read in one thread and deleted in the one that stores
        self._counts = {"commands": 0, "refused": 0}
        self._failing = False

    async def run(self, emit: Emit) -> None:
        """Look until cancelled. The loop never waits for the disk."""
        while True:
            for notice in await asyncio.to_thread(self.look):
                emit(notice)
            await asyncio.sleep(self._look_every_s)

    def counters(self) -> Mapping[str, int]:
        """Commands handed over, and files refused."""
        return dict(self._counts)

    def look(self) -> list[Notice]:
        """The commands that have come since the last look, oldest first. What is no command is moved aside."""
        notices: list[Notice] = []
        for path in self._new_files():
            try:
                notice = decode_command(_read(path)).notice()
            except FileNotFoundError:
                continue  # whoever asked took it back
            except (ValueError, OSError) as error:
                self._move_aside(path, error)
                continue
            with self._lock:
                self._done_with.add(path)
                if notice not in self._on_way:
                    notices.append(notice)
                self._on_way.setdefault(notice, set()).add(path)
        self._counts["commands"] += len(notices)
        return notices

    def stored(self, notice: Notice) -> None:
        """The journal has it on the disk: its file can go. Called by the thread that stores."""
        with self._lock:
            for path in self._on_way.pop(notice, set()):
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    fix = "Let the gateway's user write that folder."
                    log.warning("command_file_stays", file=str(path), error=error.strerror, fix=fix)
                else:
                    self._done_with.discard(path)

    def _new_files(self) -> list[Path]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            found = sorted(self._folder.glob("*.json"))
        except OSError as error:
            if not self._failing:
                fix = "Let the gateway's user read and write that folder."
                log.warning("commands_not_readable", folder=str(self._folder), error=error.strerror, fix=fix)
            self._failing = True
            return []
        self._failing = False
        with self._lock:
            return [path for path in found if path not in self._done_with][:_MOST_FILES]

    def _move_aside(self, path: Path, error: Exception) -> None:
        self._counts["refused"] += 1
        folder = path.parent / REFUSED
        try:
            folder.mkdir(exist_ok=True)
            path.replace(folder / path.name)
            files = sorted(one for one in folder.iterdir() if not one.is_dir())  # names begin with the time
            for old in files[:-_MOST_REFUSED]:
                old.unlink(missing_ok=True)
        except OSError as trouble:
            with self._lock:
                self._done_with.add(path)
            log.warning("command_refused", file=str(path), error=str(error), stays=trouble.strerror)
        else:
            log.warning("command_refused", file=str(path), error=str(error), moved_to=str(folder))


def _read(path: Path) -> bytes:
    """The bytes of a file that may be anything: never waits at a pipe, never follows a link, never reads without end.

    Raises:
        ValueError: It is no plain file, or too large.
        OSError: It cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:  # noqa: PTH123 - of a handle, not of a path
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            msg = "is no plain file"
            raise ValueError(msg)
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        msg = f"is larger than {_MOST_BYTES} bytes"
        raise ValueError(msg)
    return data
