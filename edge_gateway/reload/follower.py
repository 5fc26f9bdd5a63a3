"""A process's eye on the configuration in force. The file is replaced, never changed, so that a look costs a stat.

A signal would be quicker by a quarter of a second, and lost where a process is just being started or killed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from edge_gateway.config.config import Config
from edge_gateway.reload.in_force import InForce, read

log = structlog.get_logger(__name__)

VARIABLE = "SLUICEGATE_IN_FORCE"
"""By this the supervisor tells its processes where the file is."""

LOOK_EVERY_S = 0.25


class Follower:
    """Says whether another configuration is in force, and keeps what this process makes of it.

    Attributes:
        current: What this process runs by; None = it was started by hand, from a file, and follows nothing.
        on_accept: Called with each configuration that is taken over, first of all.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Read it.

        Args:
            path: Of the file; None = there is none.

        Raises:
            OSError, ValueError: See `in_force.read`.
        """
        self._path = path
        self._seen = _stamp(path)
        self.current: InForce | None = None if path is None else read(path)
        self.on_accept: Callable[[Config], None] = lambda _: None
        self._refused: dict[str, Any] = {}

    @classmethod
    def of_supervisor(cls) -> Follower:
        """The one that the supervisor told of, else one that follows nothing.

        Raises:
            OSError, ValueError: See `in_force.read`.
        """
        path = os.environ.get(VARIABLE)
        return cls(None if path is None else Path(path))

    def look(self) -> InForce | None:
        """Another configuration to be taken over; None = there is none. Cheap where nothing happened."""
        stamp = _stamp(self._path)
        if self._path is None or stamp == self._seen:
            return None
        try:
            kept = read(self._path)
        except (OSError, ValueError) as error:
            log.warning("configuration_in_force_not_readable", path=str(self._path), error=str(error))
            self._seen = stamp
            return None
        self._seen = stamp
        return kept

    def accept(self, kept: InForce) -> None:
        """This process now runs by it."""
        self.on_accept(kept.config)
        self.current, self._refused = kept, {}
        log.info("configuration_taken_over", generation=kept.generation)

    def refuse(self, kept: InForce, why: str) -> None:
        """This process goes on as it was; the supervisor then takes the configuration back everywhere."""
        self._refused = {"generation": kept.generation, "why": why}
        log.warning("configuration_refused", generation=kept.generation, why=why)

    def facts(self) -> Mapping[str, Any]:
        """For the status file."""
        if self.current is None:
            return {}
        return {"generation": self.current.generation, "generation_refused": self._refused}


def _stamp(path: Path | None) -> tuple[int, int, int]:
    """Tells one content of a file that is always replaced from another; zeros = it is not there."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        found = None
    return (0, 0, 0) if found is None else (found.st_ino, found.st_mtime_ns, found.st_size)
