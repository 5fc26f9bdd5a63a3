"""Alarms as people ask for them: what is the matter now, and what happened before. Looks on from any process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cloud_sink.alert_decoding import alarm_state
from cloud_sink.errors import OutboxError, OutboxTooNew
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.history import unpack
from cloud_sink.outbox.schema import DATABASE_NAME, SCHEMA_VERSION
from cloud_sink.records import Alert

_OPENED = "opened"
_HISTORY_SINCE = 2  # version of the outbox's file


@dataclass(frozen=True, slots=True)
class AlarmNow:
    """One alarm of one asset as it is now.

    Attributes:
        last: Its last transition.
        opened: The opening that `last` belongs to, with the evidence; None where it is no longer kept.
    """

    last: Alert
    opened: Alert | None

    @property
    def state(self) -> str:
        """ANSI/ISA-18.2 code."""
        return alarm_state(self.last)


class AlarmReader:
    """Reads the alarm history beside the two processes of the outbox, without a role and without writing.

    Attributes:
        damaged: Transitions left out so far because their checksum is wrong.
    """

    def __init__(self, folder: Path) -> None:
        """Open; the outbox must exist.

        Args:
            folder: Of the outbox.

        Raises:
            OutboxError: There is no outbox yet, it is older than the history, or it cannot be read.
            OutboxTooNew: The file belongs to newer software.
        """
        path = folder / DATABASE_NAME
        if not path.is_file():
            raise OutboxError(path, "is not there; it is made when the gateway first runs")
        self.damaged = 0
        self._database = Database(path, read_only=True)
        try:
            ((found,),) = self._database.execute("PRAGMA user_version")
            if found > SCHEMA_VERSION:
                raise OutboxTooNew(path, found, SCHEMA_VERSION)
            if found < _HISTORY_SINCE:
                raise OutboxError(path, "has no alarm history yet; it is added when the gateway next starts")
        except BaseException:  # whatever it was, the file must not stay open
            self._database.close()
            raise

    def now(self) -> list[AlarmNow]:
        """Each alarm that ever was, by its last transition, in order of asset and rule."""
        rows = self._database.execute(
            "SELECT last.key, last.body, last.crc, opened.key, opened.body, opened.crc "
            "FROM (SELECT DISTINCT asset, rule FROM alarms) AS alarm "
            "JOIN alarms AS last ON last.seq = (SELECT seq FROM alarms AS one WHERE one.asset = alarm.asset "
            "AND one.rule = alarm.rule ORDER BY at DESC, seq DESC LIMIT 1) "
            "LEFT JOIN alarms AS opened ON opened.seq = (SELECT seq FROM alarms AS one WHERE one.asset = alarm.asset "
            "AND one.rule = alarm.rule AND one.alert_id = last.alert_id AND one.change = ? ORDER BY at DESC LIMIT 1) "
            "ORDER BY alarm.asset, alarm.rule",
            (_OPENED,),
        )
        found: list[AlarmNow] = []
        for row in rows:
            last = self._decoded(row[:3])
            if last is not None:
                found.append(AlarmNow(last, self._decoded(row[3:]) if row[3] else None))
        return found

    def history(self, alert_id: str) -> list[Alert]:
        """All kept transitions of one alert, in the order in which they happened."""
        rows = self._database.execute(
            "SELECT key, body, crc FROM alarms WHERE alert_id = ? ORDER BY at, seq", (alert_id,)
        )
        return [alert for row in rows if (alert := self._decoded(row)) is not None]

    def ids(self, prefix: str) -> list[str]:
        """Ids of the kept alerts that begin so."""
        rows = self._database.execute(
            "SELECT DISTINCT alert_id FROM alarms WHERE substr(alert_id, 1, ?) = ? ORDER BY alert_id",
            (len(prefix), prefix),
        )
        return [alert_id for (alert_id,) in rows]

    def _decoded(self, row: Sequence[Any]) -> Alert | None:
        try:
            return unpack(*row)
        except ValueError:
            self.damaged += 1
            return None

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
