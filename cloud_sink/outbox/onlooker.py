"""Looking at an outbox from outside, beside a running gateway or without one, for the commands.

Read-only, through the same SQLite as the two processes, and in short statements: a read that lasts would keep the log
from being copied back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from cloud_sink.batch import Row
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.schema import DATABASE_NAME, State, checksum
from cloud_sink.outbox.stat import OutboxStat, stat
from cloud_sink.records import Lane

_PORTION = 500
_SET_ASIDE = (State.CORRUPT, State.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Held:
    """One record, without its body.

    Attributes:
        seq: Order of arrival.
        lane: Of the record.
        key: Its own.
        time: Event time, ns.
        created: Wall clock when it was written, ns.
        size: Bytes of its body.
        state: Ready, corrupt or quarantined.
        on_its_way_to: Targets for which it is frozen into a batch.
        had_by: Targets that have it already.
    """

    seq: int
    lane: Lane
    key: str
    time: int
    created: int
    size: int
    state: State
    on_its_way_to: tuple[str, ...]
    had_by: tuple[str, ...]


class Onlooker:
    """Close it, or use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        """Open the file.

        Raises:
            OutboxError: There is no outbox, or it cannot be read.
        """
        self._database = Database(folder / DATABASE_NAME, read_only=True)

    def __enter__(self) -> Onlooker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    @property
    def database(self) -> Database:
        """For checks of the file as a whole."""
        return self._database

    def stat(self) -> OutboxStat:
        """What it holds."""
        return stat(self._database)

    def lacking(self, targets: Mapping[str, Sequence[Lane]]) -> dict[str, int]:
        """Records that each target is yet to get.

        Args:
            targets: Names, and the lanes that each wants.
        """
        sql = (
            "SELECT count(*) FROM outbox INDEXED BY outbox_waiting WHERE lane = ? AND state = 0 AND NOT EXISTS "
            "(SELECT 1 FROM progress WHERE progress.seq = outbox.seq AND target = ? AND batch IS NULL)"
        )
        return {
            name: sum(self._database.execute(sql, (lane, name))[0][0] for lane in lanes)
            for name, lanes in targets.items()
        }

    def held(self, lane: Lane, *, set_aside: bool = False) -> Iterator[Held]:
        """Records of a lane in order of arrival: those that wait, or those that were set aside."""
        index, states = ("outbox_set_aside", "IN (2, 3)") if set_aside else ("outbox_waiting", "= 0")
        sql = (
            f"SELECT seq, key, time, created, size, state FROM outbox INDEXED BY {index} "  # noqa: S608 - ours
            f"WHERE lane = ? AND state {states} AND seq > ? ORDER BY seq LIMIT ?"
        )
        after = -1
        while rows := self._database.rows(sql, (lane, after, _PORTION), int, str, int, int, int, int):
            after = rows[-1][0]
            progress = self._progress(rows[0][0], after)
            for seq, key, time, created, size, state in rows:
                mine = progress.get(seq, ())
                on_its_way = tuple(name for name, frozen in mine if frozen)
                had = tuple(name for name, frozen in mine if not frozen)
                yield Held(seq, lane, key, time, created, size, State(state), on_its_way, had)

    def _progress(self, first: int, last: int) -> dict[int, list[tuple[str, bool]]]:
        found: dict[int, list[tuple[str, bool]]] = {}
        sql = "SELECT seq, target, batch IS NOT NULL FROM progress WHERE seq BETWEEN ? AND ? ORDER BY seq, target"
        for seq, target, frozen in self._database.execute(sql, (first, last)):
            found.setdefault(seq, []).append((target, bool(frozen)))
        return found

    def bodies(self, held: Sequence[Held]) -> list[Row]:
        """The records themselves; those that are gone meanwhile, or damaged, are left out."""
        rows = []
        for one in held:
            sql = "SELECT key, time, created, body, crc FROM outbox WHERE seq = ? AND lane = ?"
            for key, time, created, body, crc in self._database.execute(sql, (one.seq, one.lane)):
                if isinstance(body, bytes) and checksum(one.lane, key, time, created, body) == crc:
                    rows.append(Row(one.seq, key, time, body))
        return rows
