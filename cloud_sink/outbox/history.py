"""The alarm history on site: every transition of every alarm, kept when the record itself has long been delivered.

It is written in the transaction of the record, so neither is ever there without the other. A replay adds nothing: a
transition is kept only when its record was new to the outbox, which knows every key that a replay can still bring. So
what is older than the history's limit cannot come back either, as if it were the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

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
    "WHERE EXISTS (SELECT 1 FROM outbox WHERE key = ? AND seq > ?)"
)
# The last transition is the last in event time: those of one call may be committed in two goes, out of order. What
# opened an alarm that is not over yet stays with its last transition: it holds the evidence.
_PRUNE = (
    "DELETE FROM alarms WHERE seq <= (SELECT max(seq) FROM alarms) - ? AND NOT EXISTS ("
    "SELECT 1 FROM alarms AS last WHERE last.seq = (SELECT seq FROM alarms AS one WHERE one.asset = alarms.asset "
    "AND one.rule = alarms.rule ORDER BY at DESC, seq DESC LIMIT 1) "
    "AND last.state <> ? AND (last.seq = alarms.seq OR last.alert_id = alarms.alert_id AND alarms.change = 'opened'))"
)


def keep_transitions(database: Database, alerts: Sequence[Alert], after: int, limit: int) -> None:
    """Keep those transitions whose records are new, and let the oldest go. Call inside the records' transaction.

    Args:
        database: In a transaction that has inserted the records.
        alerts: In order of time.
        after: Last row of the outbox before that transaction.
        limit: Transitions kept; the last one of an alarm that is not normal stays whatever its age.
    """
    once = {alert.key: alert for alert in reversed(alerts)}  # the outbox takes the first of two with one key
    database.execute_many(_INSERT, [(*_row(alert), alert.key, after) for alert in reversed(once.values())])
    database.execute(_PRUNE, (limit, NORMAL))


def adopt_waiting(database: Database) -> None:
    """Begin a history in a file from before there was one, with the alerts that still wait in it."""
    for body, seq in database.execute(
        "SELECT body, seq FROM outbox WHERE lane = ? AND body IS NOT NULL ORDER BY seq", (Lane.ALERT,)
    ):
        try:
            alert = decode_alert(body)
        except ValueError:  # rotten; the deliverer sets it aside and counts it
            continue
        database.execute(_INSERT, (*_row(alert), alert.key, seq - 1))


def _row(alert: Alert) -> tuple[str | bytes | int, ...]:
    body = alert.encode()
    return (
        alert.key,
        alert.alert_id,
        alert.asset,
        alert.rule,
        alert.at,
        alert.state,
        alarm_state(alert),
        body,
        body_crc(alert.key, body),
    )


def body_crc(key: str, body: bytes) -> int:
    """CRC-32 of a transition; SQLite does not notice a flipped bit."""
    return crc32(body, crc32(key.encode()))
