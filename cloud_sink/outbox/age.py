"""How old alerts are, in days that this outbox was in use: a clock that is set makes nothing older.

Each day of use leaves a mark in `meta`: the last row that was there when it began.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from cloud_sink.outbox.books import meta_int, set_meta
from cloud_sink.outbox.database import Database

DAYS = 90  # alerts are never dropped before
_DAY_S = 86_400
_SECONDS, _DAY = "age/seconds", "age/day/"


class Age:
    """For the writer."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin to count.

        Args:
            monotonic: Steady clock, s.
        """
        self._monotonic = monotonic
        self._counted = monotonic()

    def advance(self, database: Database, last_seq: int) -> None:
        """Add the time since the last call. Call inside a transaction, every few seconds.

        Args:
            database: Of the writer.
            last_seq: Last row there is.
        """
        elapsed = int(self._monotonic() - self._counted)
        self._counted += elapsed
        before = meta_int(database, _SECONDS)
        set_meta(database, _SECONDS, before + elapsed)
        today = (before + elapsed) // _DAY_S
        if today > before // _DAY_S:
            set_meta(database, _mark(today), last_seq)
            # The newest of those that are old enough says it for all before it.
            database.execute("DELETE FROM meta WHERE k >= ? AND k < ?", (_DAY, _mark(_old_day(database, today))))


def droppable(database: Database) -> int:
    """The last row that is `DAYS` days of use old; 0 = there is none."""
    return meta_int(database, _mark(_old_day(database, meta_int(database, _SECONDS) // _DAY_S)))


def _old_day(database: Database, today: int) -> int:
    """The last day with a mark that is at least `DAYS` days ago; 0 = there is none."""
    ((key,),) = database.execute("SELECT max(k) FROM meta WHERE k > ? AND k <= ?", (_DAY, _mark(today - DAYS)))
    return int(key.removeprefix(_DAY)) if key else 0


def _mark(day: int) -> str:
    return f"{_DAY}{max(day, 0):07}"
