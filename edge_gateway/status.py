"""What each process says of itself, a small JSON file it replaces twice a second. Read by `demo`, tests and people."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

ROLES = ("acquire", "flow", "deliver")
"""Processes through which data goes, in its order."""

PAGE = "page"
"""A process that only looks on."""

SUPERVISOR = "supervisor"
"""What the supervisor says of the others."""

EVERY_S = 0.5


class StatusFile:
    """Writes one process's status; call `beat` as often as you like."""

    def __init__(self, folder: Path, role: str, facts: Callable[[], Mapping[str, Any]]) -> None:
        """Prepare `folder/role.json`.

        Args:
            folder: Made if absent.
            role: One of `ROLES`, `PAGE` or `SUPERVISOR`.
            facts: Called at each write; plain JSON values.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{role}.json"
        self._facts = facts
        self._started = time.time_ns()
        self._boot = boot_id()
        self._due = 0.0
        self._failing = False

    def beat(self, *, now: bool = False) -> None:
        """Write if it is time (or at once with `now`). Costs a clock read otherwise."""
        at = time.monotonic()
        if at < self._due and not now:
            return
        self._due = at + EVERY_S
        wall = time.time_ns()
        body = {
            "pid": os.getpid(),
            "started": self._started,
            "time": wall,
            "mono": time.monotonic_ns(),
            "boot": self._boot,
            "cpu_s": time.process_time(),
            "rss_bytes": _resident_bytes(),
            **self._facts(),
        }
        temporary = self._path.with_suffix(".tmp")
        try:
            temporary.write_text(json.dumps(body), encoding="utf-8")
            os.utime(temporary, ns=(wall, wall))  # by our clock, also where the disk is another machine's
            temporary.replace(self._path)
        except OSError as error:  # a full disk: what the process does matters more than what it says of itself
            self._only_touch(wall)
            if not self._failing:
                import structlog  # noqa: PLC0415 - slow, and whoever only reads a status needs it not

                log = structlog.get_logger(__name__)
                log.warning("status_not_written", path=str(self._path), error=error.strerror)
            self._failing = True
        else:
            self._failing = False

    def _only_touch(self, wall: int) -> None:
        """The time of the old file takes no room on the disk, and tells that this process lives: see `verdict`."""
        with suppress(OSError):
            os.utime(self._path, ns=(wall, wall))


def forget(folder: Path) -> None:
    """Remove what the processes of an earlier life said: it must not pose as what those of this one say."""
    for path in folder.glob("*.json"):
        with suppress(OSError):
            path.unlink()


def boot_id() -> str:
    """Tells one run of this machine from the next, between which monotonic times cannot be compared; "" = unknown."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _resident_bytes() -> int:
    """Memory of this process that is in RAM (proc(5), statm); 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def read_status(folder: Path, role: str) -> dict[str, Any]:
    """The last status of a process, {} where there is none yet.

    `touched` is when its file was last written or, where it could not be, touched: wall clock, ns.
    """
    path = folder / f"{role}.json"
    try:
        status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        status["touched"] = path.stat().st_mtime_ns
    except (OSError, ValueError):
        return {}
    return status
