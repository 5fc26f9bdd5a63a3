"""A look at the records that wait in an outbox, from any process, without a role and without writing."""

from __future__ import annotations

from pathlib import Path

from cloud_sink.outbox.database import Database
from cloud_sink.outbox.schema import DATABASE_NAME
from cloud_sink.records import Lane


def latest(folder: Path, lane: Lane, after: int, most: int) -> list[tuple[int, bytes]]:
    """The newest records of a lane that still wait, in the order in which they came.

    Args:
        folder: Of the outbox.
        lane: Which.
        after: Number of the last one that was seen; 0 = none.
        most: Records at most: the newest of them.

    Returns:
        Number and body of each.

    Raises:
        OutboxError: There is no outbox, or it cannot be read.
    """
    database = Database(folder / DATABASE_NAME, read_only=True)
    try:
        rows = database.execute(
            "SELECT seq, body FROM outbox WHERE seq > ? AND lane = ? AND body IS NOT NULL ORDER BY seq DESC LIMIT ?",
            (after, lane, most),
        )
    finally:
        database.close()
    return [(seq, body) for seq, body in reversed(rows)]
