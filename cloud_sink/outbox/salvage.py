"""From a damaged file to a whole one: every row whose checksum holds, nothing else, and what is lost is told.

The new file is made beside the old one and takes its name only when it is whole and on the disk; a power cut at any
moment leaves the one or the other. The old file stays aside, the latest one only.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog

from cloud_sink.batch import batch_id
from cloud_sink.errors import OutboxFull
from cloud_sink.outbox.books import BOOKS, INSERT, record_loss, row_values, set_meta
from cloud_sink.outbox.carve import Carved, carve
from cloud_sink.outbox.damage import DamageMark, sync_folder
from cloud_sink.outbox.database import Database, Value
from cloud_sink.outbox.history import keep_salvaged
from cloud_sink.outbox.pages import Pages
from cloud_sink.outbox.schema import DATABASE_NAME, State, checksum, migrate
from cloud_sink.outbox.stat import decode_account, is_account
from cloud_sink.records import Alert, Event, Lane

log = structlog.get_logger(__name__)

REASON = "damaged_file"
RULE = "outbox_damaged"  # of the alert
ASIDE = f"{DATABASE_NAME}.corrupt-"
_GROWING, _WHOLE = f"{DATABASE_NAME}.new", f"{DATABASE_NAME}.salvaged"
_MOST_ATTEMPTS = 3
_LANES = frozenset(Lane)
_ABSURD = 1 << 53  # a record a nanosecond for a hundred days
_PORTION = 1000  # rows a commit
_OUTBOX = "INSERT OR IGNORE INTO outbox(seq, lane, key, time, created, body, size, crc, state) "
_FROZEN = "INSERT OR IGNORE INTO progress(seq, target, lane, batch) VALUES (?, ?, ?, ?)"
_NOWHERE = float("nan")


@dataclass(slots=True)
class Salvage:
    """What came of it.

    Attributes:
        kept: Records that still wait, by lane.
        lost: Records that are gone, by lane; a lane whose number nobody knows is not in it.
        start: Earliest event time of what was kept, ns; 0 = nothing was.
        end: Latest.
    """

    kept: Counter[Lane] = field(default_factory=Counter)
    lost: dict[Lane, int] = field(default_factory=dict)
    start: int = 0
    end: int = 0


def salvage_is_due(folder: Path, mark: DamageMark) -> bool:
    """Whether damage was found, or a crash interrupted the salvage of it."""
    return mark.is_set or (folder / _WHOLE).exists()


def salvage_if_due(folder: Path, mark: DamageMark, clock: Callable[[], int] = time.time_ns) -> None:
    """Do it, or finish what a crash interrupted. Call while nobody has the file open.

    After two attempts in vain in a row the third begins an empty file; the old one stays aside. One that found no room
    does not count: it is tried again until there is some.

    Raises:
        OutboxFull: There is no room for the new file, not even without reserve and earlier old files.
        OutboxError: It cannot be made.
        OSError: The folder cannot be written.
    """
    whole = folder / _WHOLE
    if not whole.exists():
        if not mark.is_set:
            return
        attempt = mark.attempt(now := clock())
        try:
            _make_room_and_file(folder, now, mark.reason, empty=attempt >= _MOST_ATTEMPTS)
        except OutboxFull:
            mark.did_not_count()
            raise
    _take_its_name(folder, whole, clock())
    mark.clear()
    sync_folder(folder)


def _make_room_and_file(folder: Path, now: int, reason: str, *, empty: bool) -> None:
    try:
        _make(folder, now, reason, empty=empty)
    except OutboxFull:
        for spare in (folder / "reserve", *folder.glob(f"{ASIDE}*")):
            spare.unlink(missing_ok=True)
        _make(folder, now, reason, empty=empty)


def _make(folder: Path, now: int, reason: str, *, empty: bool) -> None:
    growing, old = folder / _GROWING, folder / DATABASE_NAME
    for left in folder.glob(f"{_GROWING}*"):  # of an attempt before
        left.unlink()
    database = Database(growing)
    try:
        migrate(database, growing)
        found = Salvage()
        if old.exists() and not empty:
            pages = Pages(old)
            try:
                found = _copy(pages, database)
            finally:
                pages.close()
        _tell(database, found, now, reason, empty=empty)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        database.close()
    growing.rename(folder / _WHOLE)
    sync_folder(folder)
    kept = {lane.name.lower(): count for lane, count in found.kept.items()}
    log.error("outbox_salvaged", kept=kept, lost={lane.name.lower(): count for lane, count in found.lost.items()})


def _take_its_name(folder: Path, whole: Path, now: int) -> None:
    old = folder / DATABASE_NAME
    if old.exists():
        for earlier in folder.glob(f"{ASIDE}*"):
            earlier.unlink()
        aside = f"{ASIDE}{datetime.fromtimestamp(now // 10**9, UTC):%Y%m%dT%H%M%SZ}"
        # Its log goes first: SQLite would play it into the new file.
        if (wal := folder / f"{DATABASE_NAME}-wal").exists():
            wal.rename(folder / f"{aside}-wal")
        (folder / f"{DATABASE_NAME}-shm").unlink(missing_ok=True)
        old.rename(folder / aside)
    whole.rename(old)
    sync_folder(folder)


def _copy(pages: Pages, database: Database) -> Salvage:
    found, held = Salvage(), dict[tuple[int, int], int]()
    portion: list[Carved] = []

    def write() -> None:
        with database.transaction():
            for record in portion:
                _keep(database, record, found)
        portion.clear()

    for record in carve(pages):
        match record:
            case Carved(None, (int(lane), int(state), int(rows), int())):
                held[lane, state] = rows
            case _:
                portion.append(record)
                if len(portion) >= _PORTION:
                    write()
    write()
    with database.transaction():
        _check_batches(database)
        waiting = database.execute("SELECT lane, rows FROM held WHERE state = 0")
    found.kept = Counter({Lane(lane): rows for lane, rows in waiting})
    found.lost = {
        lane: max(0, held[lane, State.READY] - found.kept[lane]) for lane in Lane if (lane, State.READY) in held
    }
    return found


def _keep(database: Database, record: Carved, found: Salvage) -> None:
    match record:
        case Carved(
            int(seq), (None, int(lane), str(key), int(at), int(created), body, int(size), int(crc), *older, state)
        ):
            if isinstance(body, bytes) and checksum(lane, key, at, created, body) == crc and lane in _LANES:
                size = len(body)
                if older and isinstance(older[0], str):  # version 2 named the batch here, and no target
                    database.execute(_FROZEN, (seq, "", lane, older[0]))
                state = State.QUARANTINED if state == State.QUARANTINED else State.READY
                found.start, found.end = min(found.start or at, at), max(found.end, at)
            elif body is None and state in (State.DELIVERED, State.DROPPED) and lane in _LANES:
                pass  # a key that a replay may still bring; nobody reads the rest of it
            else:
                return
            _insert(database, seq, (lane, key, at, created, body, size, crc, int(state)))
        case Carved(None, (int(seq), str(target), int(lane), str(batch), int())):
            # Only what is on its way. That a target has a row is not believed without a checksum: it gets it again.
            database.execute(_FROZEN, (seq, target, lane, batch))
        case Carved(int(seq), (None, str(key), *_, str(), bytes(body), int(crc))):
            keep_salvaged(database, seq, key, body, crc)
        case Carved(None, (str(key), int() | str() as value)) if _is_book(key, value):
            set_meta(database, key, value)


def _insert(database: Database, seq: int, values: tuple[Value, ...]) -> None:
    """Under its number, which no checksum covers: where another row has that, or it is absurd, under a new one."""
    for number in (seq, None) if 0 < seq < _ABSURD else (None,):
        database.execute(_OUTBOX + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (number, *values))
        ((done,),) = database.execute("SELECT changes()")
        if done:
            return


def _is_book(key: str, value: int | str) -> bool:
    """Counts of losses and the books of assets. All else in `meta` is better begun anew than believed."""
    if isinstance(value, int):
        return key.startswith(BOOKS) and value >= 0
    try:
        return is_account(key) and decode_account(value).balanced
    except (ValueError, TypeError, KeyError):
        return False


def _check_batches(database: Database) -> None:
    """A frozen batch that is not whole any more, or not in order, is another batch, under another name."""
    keys: dict[tuple[str, int, str], list[str]] = {}
    rows = database.execute(
        "SELECT target, p.lane, p.batch, key FROM progress AS p JOIN outbox USING (seq) "
        "WHERE state = 0 AND outbox.lane = p.lane ORDER BY CASE p.lane WHEN ? THEN time END, seq",
        (Lane.SUMMARY,),
    )
    for target, lane, batch, key in rows:
        keys.setdefault((target, lane, batch), []).append(key)
    database.execute("CREATE TEMP TABLE whole(target, lane, batch)")
    whole = [frozen for frozen, members in keys.items() if batch_id(members) == frozen[2]]
    database.execute_many("INSERT INTO whole VALUES (?, ?, ?)", whole)
    database.execute("DELETE FROM progress WHERE (target, lane, batch) NOT IN (SELECT target, lane, batch FROM whole)")
    database.execute("DELETE FROM progress WHERE seq NOT IN (SELECT seq FROM outbox WHERE state = 0)")


def _tell(database: Database, found: Salvage, now: int, reason: str, *, empty: bool) -> None:
    """Losses as events like any others, and one alert, so that somebody looks at the disk."""
    at = found.end or now
    kept = sum(found.kept.values())
    lost = str(sum(found.lost.values())) if len(found.lost) == len(Lane) else "an unknown number"
    what = "it could not be salvaged and begins empty" if empty else f"{kept} records were kept, {lost} are lost"
    detail = f"The outbox file was damaged ({reason}): {what}. The old file is kept beside it. Check the disk."
    alert = Alert("", RULE, "opened", "alarm", _NOWHERE, _NOWHERE, "", at, at, now, detail=detail, alarm_state="RTNUN")
    with database.transaction():
        database.execute(INSERT, row_values(alert, now, f"{alert.key}/{now}"))
        for lane in Lane:
            if (count := found.lost.get(lane, 0)) or lane not in found.lost:
                kind = lane.name.lower()
                event = Event(
                    "",
                    "dropped",
                    REASON,
                    found.start,
                    at,
                    count,
                    f"outbox/{kind}",
                    f"{kind} records were not delivered",
                )
                record_loss(database, lane, event, now)
