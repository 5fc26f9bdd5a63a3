"""The outbox's tables, their version, and the checksum that each row carries.

SQLite does not notice a flipped bit in a value, so every row has a CRC over what it says.
"""

from __future__ import annotations

import zlib
from enum import IntEnum
from itertools import product
from pathlib import Path

from cloud_sink.errors import OutboxTooNew
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.history import TABLES as HISTORY_TABLES
from cloud_sink.outbox.history import adopt_waiting
from cloud_sink.records import Lane

SCHEMA_VERSION = 3  # in the file's user_version; 2 = with the alarm history, 3 = with the progress of each target
DATABASE_NAME = "outbox.sqlite3"


class State(IntEnum):
    """Where a row is in its life."""

    READY = 0
    DELIVERED = 1  # tombstone: the body is gone, the key stays until no replay can bring it again
    CORRUPT = 2  # set aside: the checksum is wrong
    QUARANTINED = 3  # set aside: its target refuses it for good
    DROPPED = 4  # tombstone of a row that had to make room


# The numbers in the partial indexes are those of `State`, and lane 2 is the summaries': SQLite uses such an index only
# when a query says the same in constants. `held` counts rows and bytes by lane and state; triggers keep it, so that
# neither process can forget to.
_TABLES = """
CREATE TABLE outbox(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  lane INTEGER NOT NULL,
  key TEXT NOT NULL UNIQUE,
  time INTEGER NOT NULL,
  created INTEGER NOT NULL,
  body BLOB,
  size INTEGER NOT NULL,
  crc INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_waiting ON outbox(lane, seq) WHERE state = 0;
CREATE INDEX outbox_set_aside ON outbox(lane, seq) WHERE state IN (2, 3);
CREATE INDEX outbox_tombstones ON outbox(seq) WHERE state IN (1, 4);
CREATE TABLE meta(k TEXT PRIMARY KEY, v ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE held(
  lane INTEGER, state INTEGER, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY(lane, state)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER held_insert AFTER INSERT ON outbox BEGIN
  UPDATE held SET rows = rows + 1, bytes = bytes + new.size WHERE lane = new.lane AND state = new.state;
END;
CREATE TRIGGER held_delete AFTER DELETE ON outbox BEGIN
  UPDATE held SET rows = rows - 1, bytes = bytes - old.size WHERE lane = old.lane AND state = old.state;
END;
CREATE TRIGGER held_update AFTER UPDATE OF state, size ON outbox BEGIN
  UPDATE held SET rows = rows - 1, bytes = bytes - old.size WHERE lane = old.lane AND state = old.state;
  UPDATE held SET rows = rows + 1, bytes = bytes + new.size WHERE lane = new.lane AND state = new.state;
END;
"""

# What each target is doing with a row, or has done: a batch = it is frozen into that one; none = it has the row, or has
# refused it for good. A target that still wants a row has no line here, and neither has a row that is not READY: with
# one target, the table only ever holds what is on its way. The triggers see to it, whoever changes the outbox.
_PROGRESS = """
CREATE INDEX outbox_summaries ON outbox(time, seq) WHERE state = 0 AND lane = 2;
CREATE TABLE progress(
  seq INTEGER NOT NULL,
  target TEXT NOT NULL,
  lane INTEGER NOT NULL,
  batch TEXT,
  refused INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(seq, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX progress_frozen ON progress(target, lane, seq) WHERE batch IS NOT NULL;
CREATE TRIGGER progress_deleted AFTER DELETE ON outbox BEGIN
  DELETE FROM progress WHERE seq = old.seq;
END;
CREATE TRIGGER progress_settled AFTER UPDATE OF state ON outbox WHEN new.state <> 0 BEGIN
  DELETE FROM progress WHERE seq = new.seq;
END;
"""
# Before version 3 there was one target, without a name, and `outbox.batch` held what is `progress.batch` now. The
# column stays, without a meaning: taking it out would write the whole file anew, on a disk that may be full.
_FROM_ONE_TARGET = """
DROP INDEX outbox_frozen;
DROP INDEX outbox_summaries;
"""
_TAKE_OVER = (
    "INSERT INTO progress(seq, target, lane, batch) "
    "SELECT seq, '', lane, batch FROM outbox WHERE state = 0 AND batch IS NOT NULL"
)


def migrate(database: Database, path: Path) -> None:
    """Create the tables of a new file, add to an older one what it lacks. All or nothing.

    Raises:
        OutboxTooNew: The file belongs to newer software; it is left untouched.
    """
    with database.transaction():
        ((found,),) = database.execute("PRAGMA user_version")
        if found > SCHEMA_VERSION:
            raise OutboxTooNew(path, found, SCHEMA_VERSION)
        if found == 0:
            database.execute(_TABLES)
            database.execute_many("INSERT INTO held VALUES (?, ?, 0, 0)", product(Lane, State))
        if found < 2:
            database.execute(HISTORY_TABLES)
            adopt_waiting(database)
        if found < 3:
            if found:
                database.execute(_FROM_ONE_TARGET)
            database.execute(_PROGRESS)
            if found:
                database.execute(_TAKE_OVER)
        if found < SCHEMA_VERSION:
            database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def checksum(lane: int, key: str, time: int, created: int, body: bytes) -> int:
    """CRC-32 over everything a row says that never changes."""
    return zlib.crc32(body, zlib.crc32(f"{lane}\x1f{key}\x1f{time}\x1f{created}\x1f{len(body)}".encode()))
