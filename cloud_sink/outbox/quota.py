"""Making room: what is let go, and in which order, when the outbox holds more than it may.

Before it comes to that, `thinning` has made room of detail, if there was time for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloud_sink.outbox.age import droppable
from cloud_sink.outbox.books import held_bytes, open_events, record_loss
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.schema import State
from cloud_sink.records import Event, Lane
from cloud_sink.settings import OutboxSettings

REASON = "outbox_quota"
_ANY = 2**62

# What was set aside goes before what can still be delivered; rows that are frozen for some target are on their way and
# are never touched. What some targets have and others lack is dropped like the rest: it is lost to the others.
_CANDIDATES = (
    "SELECT seq, time, size FROM outbox INDEXED BY outbox_set_aside WHERE lane = ? AND seq <= ? AND state IN (2, 3) "
    "ORDER BY seq",
    "SELECT seq, time, size FROM outbox INDEXED BY outbox_waiting "
    "WHERE lane = ? AND seq <= ? AND state = 0 AND NOT EXISTS "
    "(SELECT 1 FROM progress WHERE progress.seq = outbox.seq AND progress.batch IS NOT NULL) ORDER BY seq",
)


@dataclass(frozen=True, slots=True)
class Room:
    """What making room came to.

    Attributes:
        dropped: Records.
        over: Bytes still over quota and reserve: alerts that are too young to be dropped.
    """

    dropped: int
    over: int


def enforce(database: Database, settings: OutboxSettings, now: int) -> Room:
    """Drop the oldest summaries, then events, down to the quota; alerts beyond their reserve, once they are old.

    Call inside the transaction that inserted: the file is never seen over its quota, but for alerts.
    """
    over = held_bytes(database) - settings.quota
    dropped = 0
    for lane, allowance in ((Lane.SUMMARY, 0), (Lane.EVENT, 0), (Lane.ALERT, settings.alert_reserve)):
        over -= allowance
        if over <= 0:
            return Room(dropped, 0)
        count, freed = _drop_oldest(database, lane, over, now, droppable(database) if lane is Lane.ALERT else _ANY)
        dropped += count
        over -= freed
    return Room(dropped, max(0, over))


def _drop_oldest(database: Database, lane: Lane, need: int, now: int, last: int = _ANY) -> tuple[int, int]:
    chosen: list[tuple[int, int, int]] = []
    freed = 0
    spared = open_events(database) if lane is Lane.EVENT else set()
    for sql in _CANDIDATES:
        for row in database.iterate(sql, (lane, last)):
            if not all(isinstance(cell, int) for cell in row):
                raise database.damaged("a column is not of its type")
            if freed >= need:
                break
            if row[0] not in spared:
                chosen.append(row)
                freed += row[2]
    if chosen:
        database.execute_many(
            "UPDATE outbox SET state = ?, body = NULL WHERE seq = ?", [(State.DROPPED, seq) for seq, _, _ in chosen]
        )
        times = [time for _, time, _ in chosen]
        record_loss(database, lane, loss(lane, REASON, min(times), max(times), len(chosen)), now)
    return len(chosen), freed


def loss(lane: Lane, reason: str, start: int, end: int, count: int) -> Event:
    """The event that tells of dropped records.

    Args:
        lane: Of the records.
        reason: Bounded set.
        start: Earliest event time, ns.
        end: Latest event time, ns.
        count: Records.
    """
    kind = lane.name.lower()
    return Event("", "dropped", reason, start, end, count, f"outbox/{kind}", f"{kind} records were not delivered")
