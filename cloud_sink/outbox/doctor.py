"""What is wrong with an outbox, and what to do about it. Changes nothing but for `ask_for_salvage`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cloud_sink.errors import OutboxError
from cloud_sink.outbox.books import held_bytes
from cloud_sink.outbox.damage import DamageMark
from cloud_sink.outbox.history import unpack
from cloud_sink.outbox.lock import holder
from cloud_sink.outbox.onlooker import Onlooker
from cloud_sink.outbox.salvage import ASIDE
from cloud_sink.outbox.schema import DATABASE_NAME, SCHEMA_VERSION, checksum
from cloud_sink.outbox.thinning import HIGH_WATER
from cloud_sink.settings import OutboxSettings

_PORTION = 500
_SALVAGE = "`sluicegate outbox doctor --salvage GATEWAY.TOML` has it made anew from what is intact"


class Level(StrEnum):
    """How bad."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One.

    Attributes:
        level: How bad.
        what: Was looked at: one of a bounded set.
        said: What was found.
        fix: What to do; "" where there is nothing to be done.
    """

    level: Level
    what: str
    said: str
    fix: str = ""


def examine(folder: Path, settings: OutboxSettings) -> list[Finding]:
    """Look at everything there is; beside a running gateway too. Reads the whole file.

    Args:
        folder: Of the outbox.
        settings: Of the gateway.
    """
    found = list(_folder(folder, settings))
    if not (folder / DATABASE_NAME).exists():
        return [*found, Finding(Level.WARN, "file", "there is none yet", "Run the gateway; it makes one.")]
    try:
        with Onlooker(folder) as onlooker:
            if version := _version(onlooker):
                return [*found, version]
            for check in (_structure, _rows, _history, _counts, _refused, _losses):
                found += _guarded(check, onlooker)
            found += _quota(onlooker, settings)
    except OutboxError as error:
        found.append(Finding(Level.BAD, "file", str(error), "Restart the gateway: it salvages what it cannot open."))
    return found


def ask_for_salvage(folder: Path) -> None:
    """Have the file salvaged: at the next start, or by a running gateway within some seconds."""
    DamageMark(folder).set("somebody asked for it")


def _guarded(check: Callable[[Onlooker], Iterator[Finding]], onlooker: Onlooker) -> list[Finding]:
    try:
        return list(check(onlooker))
    except OutboxError as error:
        return [Finding(Level.BAD, check.__name__.strip("_"), str(error), _SALVAGE)]


def _folder(folder: Path, settings: OutboxSettings) -> Iterator[Finding]:
    who = [f"{role}: process {pid}" for role in ("writer", "deliver") if (pid := holder(folder / f"{role}.lock"))]
    yield Finding(Level.OK, "processes", ", ".join(who) or "none has it open")
    if reason := DamageMark(folder).reason:
        yield Finding(Level.BAD, "mark", f"damage was found: {reason}", "Restart the gateway: it salvages the file.")
    for aside in sorted(folder.glob(f"{ASIDE}*")):
        if not aside.name.endswith("-wal"):
            said = f"{aside.name}, {aside.stat().st_size:,} bytes, was salvaged from"
            yield Finding(Level.WARN, "old file", said, "Check the disk; then remove it.")
    if not folder.is_dir():
        return
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if settings.disk_reserve and not (folder / "reserve").exists():
        fix = "Make room: alerts have no reserve on a full disk."
        yield Finding(Level.WARN, "disk", f"{free:,} bytes are free, and the reserve is used up", fix)
    else:
        yield Finding(Level.OK, "disk", f"{free:,} bytes are free")


def _version(onlooker: Onlooker) -> Finding | None:
    ((found,),) = onlooker.database.execute("PRAGMA user_version")
    if found > SCHEMA_VERSION:
        said = f"schema {found}, this software knows up to {SCHEMA_VERSION}"
        return Finding(Level.BAD, "version", said, "Upgrade this software.")
    if found < SCHEMA_VERSION:
        fix = "Start the gateway: it brings the file up to date."
        return Finding(Level.WARN, "version", f"schema {found}, this software writes {SCHEMA_VERSION}", fix)
    return None


def _structure(onlooker: Onlooker) -> Iterator[Finding]:
    said = [text for (text,) in onlooker.database.execute("PRAGMA integrity_check(5)")]
    if said == ["ok"]:
        yield Finding(Level.OK, "structure", "SQLite finds it whole")
    else:
        yield Finding(Level.BAD, "structure", "; ".join(said).replace("\n", " "), _SALVAGE)


def _rows(onlooker: Onlooker) -> Iterator[Finding]:
    good, bad, after = 0, list[int](), -1
    sql = (
        "SELECT seq, lane, key, time, created, body, crc FROM outbox WHERE seq > ? AND state IN (0, 3) "
        "ORDER BY seq LIMIT ?"
    )
    while rows := onlooker.database.execute(sql, (after, _PORTION)):
        after = rows[-1][0]
        for seq, lane, key, at, created, body, crc in rows:
            if isinstance(body, bytes) and checksum(lane, key, at, created, body) == crc:
                good += 1
            else:
                bad.append(seq)
    if bad:
        few = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
        said = f"{len(bad)} of {good + len(bad)} have a wrong checksum: {few}"
        yield Finding(
            Level.BAD, "records", said, "They are set aside, counted and told when their turn comes. Check the disk."
        )
    else:
        yield Finding(Level.OK, "records", f"{good} waiting or refused, every checksum right")


def _history(onlooker: Onlooker) -> Iterator[Finding]:
    good = bad = 0
    after = -1
    sql = "SELECT seq, key, body, crc FROM alarms WHERE seq > ? ORDER BY seq LIMIT ?"
    while rows := onlooker.database.execute(sql, (after, _PORTION)):
        after = rows[-1][0]
        for _, key, body, crc in rows:
            try:
                unpack(key, body, crc)
            except (ValueError, TypeError):
                bad += 1
            else:
                good += 1
    if bad:
        yield Finding(Level.BAD, "alarm history", f"{bad} of {good + bad} entries have a wrong checksum", _SALVAGE)
    else:
        yield Finding(Level.OK, "alarm history", f"{good} entries, every checksum right")


def _counts(onlooker: Onlooker) -> Iterator[Finding]:
    sql = (
        "SELECT (SELECT group_concat(lane || '.' || state || '=' || rows || '/' || bytes) FROM "
        "(SELECT * FROM held WHERE rows <> 0 ORDER BY lane, state)), "
        "(SELECT group_concat(lane || '.' || state || '=' || n || '/' || bytes) FROM "
        "(SELECT lane, state, count(*) AS n, sum(size) AS bytes FROM outbox GROUP BY lane, state ORDER BY lane, state))"
    )
    ((told, counted),) = onlooker.database.execute(sql)  # in one statement: the gateway may be writing
    if told == counted:
        yield Finding(Level.OK, "counts", "the books agree with the rows")
    else:
        yield Finding(Level.BAD, "counts", f"the books say {told}, the rows {counted}", _SALVAGE)


def _refused(onlooker: Onlooker) -> Iterator[Finding]:
    if count := onlooker.stat().set_aside:
        fix = "`sluicegate outbox export --set-aside` writes them to a folder; the log says why they were refused."
        yield Finding(Level.WARN, "set aside", f"{count} records cannot be delivered", fix)


def _losses(onlooker: Onlooker) -> Iterator[Finding]:
    for name, count in sorted(onlooker.stat().losses.items()):
        kind, lane, reason = name.split("/", 2)
        yield Finding(Level.WARN, "losses", f"{count} {lane} records {kind}: {reason}, since this file began")


def _quota(onlooker: Onlooker, settings: OutboxSettings) -> Iterator[Finding]:
    used = held_bytes(onlooker.database) / settings.quota
    said = f"{used:.0%} of {settings.quota:,} bytes are used"
    fix = "Mend the way to the target, `sluicegate outbox drain --to FOLDER`, or raise [outbox] quota."
    if used >= 1:
        yield Finding(Level.BAD, "quota", f"{said}: records are being dropped", fix)
    elif used > HIGH_WATER:
        yield Finding(Level.WARN, "quota", f"{said}: summaries are being joined into longer windows", fix)
    else:
        yield Finding(Level.OK, "quota", said)
