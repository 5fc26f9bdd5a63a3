"""The alarm history on site: every transition of every alarm, kept when the record itself has long been delivered.

It is written in the transaction of the record, so neither is ever there without the other. A replay adds nothing: a
transition is kept only when its record was new to the outbox, which knows every key that a replay can still bring. So
what is older than the history's limit cannot come back either, as if it were the newest.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from cloud_sink.alert_decoding import NORMAL, alarm_state, decode_alert
from cloud_sink.outbox.database import Database
from cloud_sink.records import Alert, Lane

# As few trees as can be: on a full disk each costs a page of the reserve for every alert that still gets out.
TABLES = """
CREATE TABLE alarms(
  seq INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  alert_id TEXT NOT NULL,
  asset TEXT NOT NULL,
  rule TEXT NOT NULL,
  at INTEGER NOT NULL,
  change TEXT NOT NULL,
  state TEXT NOT NULL,
  body BLOB NOT NULL,
  crc INTEGER NOT NULL
) STRICT;
CREATE INDEX alarms_last ON alarms(asset, rule, at, seq);
"""

_INSERT = (
    "INSERT INTO alarms(key, alert_id, asset, rule, at, change, state, body, crc) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? "
)
_IF_NEW = "WHERE EXISTS (SELECT 1 FROM outbox WHERE key = ? AND seq > ?)"
# The last transition is the last in event time: those of one call may be committed in two goes, out of order. What
# opened an alarm that is not over yet stays with its last transition: it holds the evidence.
_PRUNE = (
    "DELETE FROM alarms WHERE seq <= (SELECT max(seq) FROM alarms) - ? AND NOT EXISTS ("
    "SELECT 1 FROM alarms AS last WHERE last.seq = (SELECT seq FROM alarms AS one WHERE one.asset = alarms.asset "
    "AND one.rule = alarms.rule ORDER BY at DESC, seq DESC LIMIT 1) "
    "AND last.state <> ? AND (last.seq = alarms.seq OR last.alert_id = alarms.alert_id AND alarms.change = 'opened'))"
)


def keep_transitions(database: Database, alerts: Sequence[tuple[Alert, bytes]], after: int, limit: int) -> None:
    """Keep those transitions whose records are new, and let the oldest go. Call inside the records' transaction.

    Args:
        database: In a transaction that has inserted the records.
        alerts: With their bodies, in order of time.
        after: Last row of the outbox before that transaction.
        limit: Transitions kept; the last one of an alarm that is not normal stays whatever its age.
    """
    once = {alert.key: (alert, body) for alert, body in reversed(alerts)}  # the outbox takes the first of one key
    rows = [(*_row(alert.key, alert, body), alert.key, after) for alert, body in reversed(once.values())]
    database.execute_many(_INSERT + _IF_NEW, rows)
    database.execute(_PRUNE, (limit, NORMAL))


def adopt_waiting(database: Database) -> None:
    """Begin a history in a file from before there was one, with the alerts that still wait in it."""
    for key, body in database.execute(
        "SELECT key, body FROM outbox WHERE lane = ? AND body IS NOT NULL ORDER BY seq", (Lane.ALERT,)
    ):
        try:
            alert = decode_alert(body)
        except ValueError:  # rotten; the deliverer sets it aside and counts it
            continue
        database.execute(_INSERT, _row(key, alert, body))


def keep_salvaged(database: Database, seq: int, key: str, packed: bytes, crc: int) -> None:
    """Keep a transition out of a damaged file, if it is intact; all that is beside the body comes from the body."""
    try:
        alert = unpack(key, packed, crc)
    except ValueError:
        return
    row = _row(key, alert, zlib.decompress(packed))
    database.execute(
        "INSERT OR IGNORE INTO alarms(seq, key, alert_id, asset, rule, at, change, state, body, crc) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (seq, *row),
    )


def unpack(key: str, packed: bytes, crc: int) -> Alert:
    """A transition from its row.

    Raises:
        ValueError: It is damaged; SQLite does not notice a flipped bit.
    """
    if _checksum(key, packed) != crc:
        msg = f"{key}: wrong checksum"
        raise ValueError(msg)
    return decode_alert(zlib.decompress(packed))


def _row(key: str, alert: Alert, body: bytes) -> tuple[str | bytes | int, ...]:
    packed = zlib.compress(body, 1)  # evidence is most of it, and shrinks to a sixth
    about = (key, alert.alert_id, alert.asset, alert.rule, alert.at, alert.state, alarm_state(alert))
    return (*about, packed, _checksum(key, packed))


def _checksum(key: str, packed: bytes) -> int:
    return zlib.crc32(packed, zlib.crc32(key.encode()))
