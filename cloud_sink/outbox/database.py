"""The one door to SQLite: opening, transactions and the translation of its errors.

Two processes work on one WAL file. SQLite before 3.51.3 can corrupt such a file when one process resets the log while
another writes (SQLite release history, 3.51.3), and a Linux distribution's own library is usually older: `apsw` carries
its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import UnionType
from typing import Any, Protocol

import apsw

from cloud_sink.errors import OutboxBusy, OutboxDamaged, OutboxError, OutboxFull

MIN_SQLITE = 3_051_003
BUSY_LIMIT_S = 30.0  # the other side's transactions last milliseconds; longer means that it is stopped
_BUSY_SLEEP_S = 0.0002  # SQLite's own handler starts at 1 ms and climbs to 100 ms: too long for an alert

Value = int | str | bytes | None

# With statements that are tested, these can only mean that the file is not what it was: also a table or a column that
# is not there, or a key that is there twice.
_DAMAGE = (
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.FormatError,
    apsw.SQLError,
    apsw.ConstraintError,
    apsw.MismatchError,
    UnicodeDecodeError,
)


class Mark(Protocol):
    """Where damage is said and known; see `DamageMark`."""

    @property
    def is_set(self) -> bool:
        """Whether somebody found damage."""
        ...

    def set(self, reason: str) -> None:
        """Say so."""
        ...


class Database:
    """One connection to an outbox file, in WAL mode, where every commit is on disk when it returns (synchronous=FULL).

    Not for threads. Errors of SQLite come out as `OutboxError` and its kin.
    """

    def __init__(
        self,
        path: Path,
        *,
        checkpoint_pages: int = 0,
        read_only: bool = False,
        mark: Mark | None = None,
        durable: bool = True,
    ) -> None:
        """Open, and create where it does not exist.

        Args:
            path: Of the file.
            checkpoint_pages: Copy the log back into the file when a commit of this connection finds it longer than
                this many pages (of 4 KiB); 0 = never.
            read_only: For onlookers; the file must exist.
            mark: Told of damage, and asked before each transaction; None = nobody is told.
            durable: False = a power cut may lose the last commits, but damages nothing (synchronous=NORMAL).
        """
        if (found := apsw.SQLITE_VERSION_NUMBER) < MIN_SQLITE:
            msg = f"needs SQLite >= {MIN_SQLITE} for two processes on one file, apsw brings {found}; upgrade apsw"
            raise OutboxError(path, msg)
        self._path = path
        self._mark = mark
        flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        with self._translated():
            self._db = apsw.Connection(str(path), flags=flags)
        self._db.set_busy_handler(_patience())
        if read_only:
            return
        with ExitStack() as opened:  # one left to the garbage collector would take the log of a later file with it
            opened.callback(self._db.close)
            with self._translated():
                self._set_up(checkpoint_pages, durable=durable)
            opened.pop_all()

    def _set_up(self, checkpoint_pages: int, *, durable: bool) -> None:
        self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first page is written
        sync = ("synchronous", "FULL", 2) if durable else ("synchronous", "NORMAL", 1)
        for pragma, value, expected in (("journal_mode", "WAL", "wal"), sync):
            self._db.execute(f"PRAGMA {pragma} = {value}")
            if (found := self._db.pragma(pragma)) != expected:
                msg = (
                    f"{pragma} is {found!r} and must be {expected!r}, else a power cut loses records; use a local disk"
                )
                raise OutboxError(self._path, msg)
        self._db.execute("PRAGMA journal_size_limit = 16777216")
        self._db.wal_autocheckpoint(checkpoint_pages)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except apsw.FullError as error:
            raise OutboxFull(self._path, "disk full") from error
        except (apsw.BusyError, apsw.LockedError) as error:
            msg = f"the other process held the write lock for more than {BUSY_LIMIT_S:g} s"
            raise OutboxBusy(self._path, msg) from error
        except _DAMAGE as error:
            raise self.damaged(str(error)) from error
        except apsw.Error as error:
            raise OutboxError(self._path, str(error)) from error

    def damaged(self, reason: str) -> OutboxDamaged:
        """The error to raise where the file turns out to be damaged. The mark is set."""
        if self._mark is not None:
            self._mark.set(reason)
        return OutboxDamaged(self._path, reason)

    def check_mark(self) -> None:
        """Look whether the other process found damage.

        Raises:
            OutboxDamaged: It did; this process must let go of the file.
        """
        if self._mark is not None and self._mark.is_set:
            raise OutboxDamaged(self._path, "as the other process found out")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; durable when the block is left. Takes the write lock at once, never half-way."""
        self.check_mark()
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self.execute("ROLLBACK")

    def execute(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """Run one statement; all its rows."""
        with self._translated():
            return list(self._db.execute(sql, tuple(values)))

    def rows(self, sql: str, values: Sequence[Value], *kinds: type | UnionType) -> list[tuple[Any, ...]]:
        """As `execute`, for rows of which no checksum says yet that they are intact.

        Args:
            sql: Statement.
            values: Of its parameters.
            kinds: What each column must be.

        Raises:
            OutboxDamaged: One is something else.
        """
        found = self.execute(sql, values)
        for row in found:
            if not all(map(isinstance, row, kinds)):
                raise self.damaged("a column is not of its type")
        return found

    def execute_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run one statement once for each row of values."""
        with self._translated():
            self._db.executemany(sql, (tuple(row) for row in rows))

    def iterate(self, sql: str, values: Sequence[Value] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of one statement, read as they are asked for."""
        with self._translated():
            yield from self._db.execute(sql, tuple(values))

    def close(self) -> None:
        """Let go of the file."""
        with self._translated():
            self._db.close()


def _patience() -> Any:
    """A busy handler that looks again often, since the other side's transactions are short."""
    since = 0.0

    def wait(calls: int) -> bool:
        nonlocal since
        now = time.monotonic()
        if calls == 0:
            since = now
        time.sleep(_BUSY_SLEEP_S)
        return now - since < BUSY_LIMIT_S

    return wait
