"""Making room: what is let go, and in which order, when the outbox holds more than it may."""

from __future__ import annotations

from cloud_sink.outbox.books import held_bytes, open_events, record_loss
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.schema import State
from cloud_sink.records import Event, Lane
from cloud_sink.settings import OutboxSettings

REASON = "outbox_quota"

# What was set aside goes before what can still be delivered; rows that are frozen for some target are on their way and
# are never touched. What some targets have and others lack is dropped like the rest: it is lost to the others.
_CANDIDATES = (
    "SELECT seq, time, size FROM outbox INDEXED BY outbox_set_aside WHERE lane = ? AND state IN (2, 3) ORDER BY seq",
    "SELECT seq, time, size FROM outbox INDEXED BY outbox_waiting "
    "WHERE lane = ? AND state = 0 AND NOT EXISTS "
    "(SELECT 1 FROM progress WHERE progress.seq = outbox.seq AND progress.batch IS NOT NULL) ORDER BY seq",
)


def enforce(database: Database, settings: OutboxSettings, now: int) -> int:
    """Drop the oldest summaries, then events, down to the quota; alerts only beyond their reserve.

    Call inside the transaction that inserted: the file is never seen over its quota.

    Returns:
        Number of records dropped.
    """
    over = held_bytes(database) - settings.quota
    dropped = 0
    for lane, allowance in ((Lane.SUMMARY, 0), (Lane.EVENT, 0), (Lane.ALERT, settings.alert_reserve)):
        over -= allowance
        if over <= 0:
            break
        count, freed = _drop_oldest(database, lane, over, now)
        dropped += count
        over -= freed
    return dropped


def _drop_oldest(database: Database, lane: Lane, need: int, now: int) -> tuple[int, int]:
    chosen: list[tuple[int, int, int]] = []
    freed = 0
    spared = open_events(database) if lane is Lane.EVENT else set()
    for sql in _CANDIDATES:
        for row in database.iterate(sql, (lane,)):
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
