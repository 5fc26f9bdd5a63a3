"""What both roles write besides records: counts of losses, each of them also an event on its way to the cloud."""

from __future__ import annotations

from dataclasses import replace

from cloud_sink.decoding import decode_event
from cloud_sink.outbox.database import Database, Value
from cloud_sink.outbox.schema import State, checksum
from cloud_sink.outbox.stat import count
from cloud_sink.records import Event, Lane, Record

INSERT = (
    "INSERT INTO outbox(lane, key, time, created, body, size, crc) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT(key) DO NOTHING"
)
BOOKS = ("dropped/", "quarantined/", "thinned/")  # meta: counts of losses, by "kind/lane/reason"
COMMITTED = "committed_seq"  # meta: no replay of the flow can bring back a row up to here
_OPEN = "open/"  # meta: seq of the event row that further drops of the same kind are still merged into


def row_values(record: Record, now: int, key: str = "") -> tuple[int, str, int, int, bytes, int, int]:
    """The values of `INSERT` for one record; the fifth is its body.

    Args:
        record: To be kept.
        now: Wall clock, ns.
        key: Instead of the record's own.
    """
    key, body = key or record.key, record.encode()
    return (record.lane, key, record.time, now, body, len(body), checksum(record.lane, key, record.time, now, body))


def meta_int(database: Database, key: str) -> int:
    """A number in `meta`; 0 where it was never written."""
    rows = database.execute("SELECT v FROM meta WHERE k = ?", (key,))
    return count(database, key, rows[0][0]) if rows else 0


def set_meta(database: Database, key: str, value: Value) -> None:
    """Write or overwrite."""
    database.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT(k) DO UPDATE SET v = excluded.v", (key, value))


def held_bytes(database: Database) -> int:
    """Bytes of all bodies in the file, waiting or set aside."""
    ((total,),) = database.execute(
        "SELECT sum(bytes) FROM held WHERE state NOT IN (?, ?)", (State.DELIVERED, State.DROPPED)
    )
    return int(total)


def record_loss(database: Database, lane: Lane, event: Event, now: int, *, tell: bool = True) -> None:
    """Count records that will not be delivered, and tell the cloud. Call inside a transaction.

    Losses of one kind are merged into one event until that event is frozen for some target, so that a long outage
    ends with a few events and not with one for each dropped record. Such an event is itself never dropped.

    Args:
        database: In a transaction.
        lane: Of the lost records.
        event: `kind`, `reason`, `start`, `end`, `count` and `source` filled in.
        now: Wall clock, ns.
        tell: False = only count.
    """
    name = f"{event.kind}/{lane.name.lower()}/{event.reason}"
    total = meta_int(database, name) + event.count
    set_meta(database, name, total)
    if not tell:
        return
    if (earlier := _open_event(database, name)) is None:
        _insert_event(database, name, event, total, now)
        return
    seq, before = earlier
    merged = replace(
        event, start=min(before.start, event.start), end=max(before.end, event.end), count=before.count + event.count
    )
    values = row_values(merged, now, f"{merged.key}/{total}")
    database.execute(
        "UPDATE outbox SET lane = ?, key = ?, time = ?, created = ?, body = ?, size = ?, crc = ? WHERE seq = ?",
        (*values, seq),
    )


def _insert_event(database: Database, name: str, event: Event, total: int, now: int) -> None:
    # The running total makes the key unique: two losses may look alike, and neither may be swallowed as a repeat.
    database.execute(INSERT, row_values(event, now, f"{event.key}/{total}"))
    ((seq,),) = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")
    set_meta(database, _OPEN + name, seq)


def _open_event(database: Database, name: str) -> tuple[int, Event] | None:
    rows = database.execute(
        "SELECT seq, key, time, created, body, crc FROM outbox JOIN meta ON seq = v "
        "WHERE k = ? AND state = 0 AND NOT EXISTS (SELECT 1 FROM progress WHERE progress.seq = outbox.seq)",
        (_OPEN + name,),
    )
    for seq, key, time, created, body, crc in rows:
        if crc == checksum(Lane.EVENT, key, time, created, body):
            return seq, decode_event(body)
    return None


def open_events(database: Database) -> set[int]:
    """Rows that losses are being merged into; making room must pass them over."""
    return {
        int(seq) for (seq,) in database.execute("SELECT v FROM meta WHERE k >= ? AND k < ?", (_OPEN, _OPEN[:-1] + "0"))
    }
