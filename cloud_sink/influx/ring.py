"""The ring: lines that wait on disk for their server. When it is full the oldest go, and are counted.

Its own file beside the outbox, since an InfluxDB that is down for a week must not cost the outbox a byte. One process
uses it. A row is one write: gzip of lines, so that what is sent is what was stored, and damage shows.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from cloud_sink.errors import OutboxDamaged
from cloud_sink.outbox.database import Database

log = structlog.get_logger(__name__)

MIB = 1 << 20
MAX_LINES = 5000
"""Lines in a row: what InfluxDB advises for a write ("Optimize writes")."""

_AGE = "age_s"

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS ring (seq INTEGER PRIMARY KEY AUTOINCREMENT, age_s INTEGER NOT NULL, "
    "lines INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One row.

    Attributes:
        seq: Its place.
        lines: How many it holds.
        body: gzip of them.
    """

    seq: int
    lines: int
    body: bytes

    def text(self) -> list[str]:
        """The lines.

        Raises:
            ValueError: The row is damaged.
        """
        try:
            return gzip.decompress(self.body).decode().splitlines()
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            msg = f"row {self.seq} of the ring is damaged: {error}"
            raise ValueError(msg) from error


def open_ring(path: Path, *, max_bytes: int, max_age_s: int, monotonic: Callable[[], float]) -> Ring:
    """A ring, and a new one where the old one is damaged: it is no record, and looking at it helps nobody.

    Raises:
        OutboxError: It cannot be made.
    """
    try:
        return Ring(path, max_bytes=max_bytes, max_age_s=max_age_s, monotonic=monotonic)
    except OutboxDamaged as error:
        log.error("influx_ring_damaged", path=str(path), error=str(error))
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)
        return Ring(path, max_bytes=max_bytes, max_age_s=max_age_s, monotonic=monotonic)


class Ring:
    """Lines on disk, oldest first.

    Attributes:
        dropped: Lines that went unsent, by reason: "quota", "age". Since this process began.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int = 64 * MIB,
        max_age_s: int = 86_400,
        monotonic: Callable[[], float],
    ) -> None:
        """Open it, and make it where there is none.

        Args:
            path: Of the file.
            max_bytes: Of all rows together.
            max_age_s: Seconds of running, not of the wall clock, which may jump, and not of standing still.
            monotonic: Steady clock, s.

        Raises:
            OutboxError: It cannot be opened or is damaged.
        """
        self.dropped: Counter[str] = Counter()
        self._database = Database(path, checkpoint_pages=1000, durable=False)  # it is no record, and the disk is shared
        for statement in _SCHEMA:
            self._database.execute(statement)
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._monotonic = monotonic
        self._began = monotonic() - self._meta(_AGE)

    @property
    def lines(self) -> int:
        """That wait."""
        return int(self._database.execute("SELECT coalesce(sum(lines), 0) FROM ring")[0][0])

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return int(self._database.execute("SELECT coalesce(sum(size), 0) FROM ring")[0][0])

    def put(self, lines: Sequence[str]) -> None:
        """Take lines; a power cut may lose those of the last moments. The oldest rows go where there is no room.

        Args:
            lines: Without their ends; may be none.

        Raises:
            OutboxError: Disk full, or the file is damaged.
        """
        age = round(self._monotonic() - self._began)
        rows = []
        for at in range(0, len(lines), MAX_LINES):
            part = lines[at : at + MAX_LINES]
            body = gzip.compress("".join(f"{line}\n" for line in part).encode(), 1, mtime=0)
            rows.append((age, len(part), len(body), body))
        with self._database.transaction():
            self._database.execute_many("INSERT INTO ring (age_s, lines, size, body) VALUES (?, ?, ?, ?)", rows)
            self._keep(_AGE, age)
            gone = self._make_room(age)
        self.dropped.update(gone)
        if gone:
            self._database.execute("PRAGMA incremental_vacuum(1000)")

    def take(self) -> Chunk | None:
        """The oldest row, the same one until it is `done`; None = there is none."""
        rows = self._database.execute("SELECT seq, lines, body FROM ring ORDER BY seq LIMIT 1")
        return Chunk(*rows[0]) if rows else None

    def done(self, chunk: Chunk) -> None:
        """Forget a row."""
        self._database.execute("DELETE FROM ring WHERE seq = ?", (chunk.seq,))

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _make_room(self, age: int) -> Counter[str]:
        gone: Counter[str] = Counter()
        over = self.size - self._max_bytes
        for seq, born, lines, size in self._database.execute("SELECT seq, age_s, lines, size FROM ring ORDER BY seq"):
            old = age - born > self._max_age_s
            if over <= 0 and not old:
                break
            self._database.execute("DELETE FROM ring WHERE seq = ?", (seq,))
            gone["quota" if over > 0 else "age"] += lines
            over -= size
        return gone

    def _meta(self, key: str) -> int:
        rows = self._database.execute("SELECT value FROM meta WHERE key = ?", (key,))
        return int(rows[0][0]) if rows else 0

    def _keep(self, key: str, value: int) -> None:
        self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
