"""How a row ends: every target that wants it has it, or has refused it for good."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar

from cloud_sink.errors import OutboxFull
from cloud_sink.outbox.books import COMMITTED, meta_int
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.reserve import DiskReserve
from cloud_sink.outbox.schema import State
from cloud_sink.records import Lane

T = TypeVar("T")
_PORTION = 500  # rows a commit


class Settling:
    """Shared by the queues of all targets. But for `begin`, its caller holds the transaction."""

    def __init__(self, database: Database, reserve: DiskReserve) -> None:
        """Take the deliverer's connection and the disk reserve."""
        self._database = database
        self._reserve = reserve
        self._thawed: list[Callable[[], None]] = []

    def begin(self, targets: Mapping[str, Sequence[Lane]]) -> None:
        """Fit what the file knows to the targets there are now.

        What was frozen before targets had names belongs to the first that wants it. What is frozen for one that is
        gone is let go of: the quota may have it. What such a one already had stays told, in case it comes back; and
        what only such a one still lacked has reached its end.

        Args:
            targets: Names and the lanes they want.
        """
        names = tuple(targets)
        wanting = {lane: [name for name, lanes in targets.items() if lane in lanes] for lane in Lane}
        with self._database.transaction():
            self._database.execute_many(
                "UPDATE progress SET target = ? WHERE target = '' AND lane = ?",
                [(able[0], lane) for lane, able in wanting.items() if able],
            )
            self._database.execute(
                "DELETE FROM progress WHERE batch IS NOT NULL AND target NOT IN (SELECT value FROM json_each(?))",
                (json.dumps(names),),
            )
        for lane, able in wanting.items():
            ended = self._had_by_all(lane, able)
            for start in range(0, len(ended), _PORTION):  # an alert of the flow's may want to be written in between
                with self._database.transaction():
                    self.settle(ended[start : start + _PORTION])

    def _had_by_all(self, lane: Lane, wanting: Sequence[str]) -> list[tuple[int, bool]]:
        if not wanting:
            return []  # nobody wants it: it waits for somebody who does, under the quota
        rows = self._database.execute(
            "SELECT seq, max(refused) FROM progress WHERE lane = ? AND batch IS NULL "
            "AND target IN (SELECT value FROM json_each(?)) GROUP BY seq HAVING count(*) = ?",
            (lane, json.dumps(wanting), len(wanting)),
        )
        return [(seq, bool(refused)) for seq, refused in rows]

    def had_by(self, rows: Sequence[int], others: AbstractSet[str]) -> Mapping[int, bool]:
        """Those rows that none of the others lacks, each with whether one of them has refused it."""
        if not others:
            return dict.fromkeys(rows, False)
        found = self._database.execute(
            "SELECT progress.seq, max(refused) FROM json_each(?) AS one JOIN progress ON progress.seq = one.value "
            "WHERE batch IS NULL AND target IN (SELECT value FROM json_each(?)) "
            "GROUP BY progress.seq HAVING count(*) = ?",
            (json.dumps(rows), json.dumps(sorted(others)), len(others)),
        )
        return {seq: bool(refused) for seq, refused in found}

    def settle(self, rows: Sequence[tuple[int, bool]]) -> None:
        """Set aside what somebody refused; forget the rest, but for the keys that a replay can still bring.

        Args:
            rows: Each with whether a target refused it.
        """
        committed = meta_int(self._database, COMMITTED)
        self._database.execute_many(
            "UPDATE outbox SET state = ? WHERE seq = ? AND state = 0",
            [(State.QUARANTINED, seq) for seq, refused in rows if refused],
        )
        self._database.execute_many(
            "DELETE FROM outbox WHERE seq = ? AND state = 0",
            [(seq,) for seq, refused in rows if not refused and seq <= committed],
        )
        self._database.execute_many(
            "UPDATE outbox SET state = ?, body = NULL WHERE seq = ? AND state = 0",
            [(State.DELIVERED, seq) for seq, refused in rows if not refused and seq > committed],
        )

    def on_thaw(self, look_anew: Callable[[], None]) -> None:
        """Call this when frozen rows wait again."""
        self._thawed.append(look_anew)

    def thaw(self, rows: Sequence[int]) -> None:
        """Undo every batch, of whichever target, that one of the rows is frozen into."""
        batches = {
            batch
            for seq in rows
            for batch in self._database.execute(
                "SELECT target, lane, batch FROM progress WHERE seq = ? AND batch IS NOT NULL", (seq,)
            )
        }
        self._database.execute_many(
            "DELETE FROM progress INDEXED BY progress_frozen "
            "WHERE target = ? AND lane = ? AND batch IS NOT NULL AND batch = ?",
            batches,
        )
        for look_anew in self._thawed:
            look_anew()

    def with_reserve(self, action: Callable[[], T]) -> T:
        """On a full disk even deleting needs room: give up the reserve and try once more."""
        try:
            return action()
        except OutboxFull:
            if not self._reserve.release():
                raise
            return action()
