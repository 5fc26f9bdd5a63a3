"""Room made of detail: before summaries are dropped, the oldest of them are joined into longer windows.

The deliverer's work, in small steps, so that no alert waits for it; the writer only ever drops. Nothing is merged into
larger files first, as other stores do: here a summary becomes part of a file when that is sent, so there is none to
merge. What was joined is counted and told like what was dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloud_sink.decoding import decode_summary
from cloud_sink.outbox.books import COMMITTED, held_bytes, meta_int, record_loss, row_values, set_meta
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.quota import REASON
from cloud_sink.outbox.schema import checksum
from cloud_sink.records import Event, Lane, WindowSummary
from cloud_sink.rewindow import join, side_by_side, with_all_sketches

HIGH_WATER = 0.75  # of the quota; above it there is thinning, at all of it there is dropping
_MINUTE = 60 * 10**9
LEVELS = (_MINUTE, 10 * _MINUTE, 60 * _MINUTE)  # all of it is thinned to the first before any to the second
_CURSOR = "thinned_to/"  # meta: event time up to which all has been thinned to a level
_ROWS = 500  # looked at in one step, or more where one span has more

_WAITING = "FROM outbox INDEXED BY outbox_summaries WHERE state = 0 AND lane = 2 AND time >= ?"
# What is on its way to a target stays as it is. What one target has and another lacks is joined with its like only.
_SPAN = (
    "SELECT seq, key, time, created, body, crc, "
    "(SELECT group_concat(target, char(10) ORDER BY target) FROM progress WHERE progress.seq = outbox.seq), "
    "EXISTS (SELECT 1 FROM progress WHERE progress.seq = outbox.seq AND progress.batch IS NOT NULL) "
    "FROM outbox INDEXED BY outbox_summaries WHERE state = 0 AND lane = 2 AND time >= ? AND time < ? AND seq <= ? "
    "ORDER BY time, seq"
)


@dataclass(frozen=True, slots=True)
class _Source:
    seq: int
    window: WindowSummary
    had_by: str  # the targets that have it, a line each


class Thinning:
    """For the deliverer's thread."""

    def __init__(self, database: Database, quota: int) -> None:
        """Take the deliverer's connection.

        Args:
            database: To be thinned.
            quota: Bytes of bodies that the outbox may hold.
        """
        self._database = database
        self._quota = quota

    @property
    def is_due(self) -> bool:
        """Whether the outbox is above the high-water mark."""
        return held_bytes(self._database) > HIGH_WATER * self._quota

    def step(self, now: int) -> int:
        """Join some of the oldest windows.

        Args:
            now: Wall clock, ns.

        Returns:
            How many windows were joined; 0 = nothing is left to join, or nothing in what was looked at.
        """
        looked = joined = 0
        for level in LEVELS:
            while looked < _ROWS and (start := self._next_span(level)) is not None:
                sources = self._read(start, start + level)
                looked += max(1, len(sources))
                groups = [group for group in _groups(sources) if len(group) > 1]
                joined += self._replace(groups, level, start + level, now)
        return joined

    def _next_span(self, level: int) -> int | None:
        """Start of the oldest span that may have windows to join; the newest two are left alone."""
        cursor = meta_int(self._database, _cursor(level))
        oldest = self._database.execute(f"SELECT time {_WAITING} ORDER BY time LIMIT 1", (cursor,))
        if not oldest:
            return None
        ((newest,),) = self._database.execute(f"SELECT time {_WAITING} ORDER BY time DESC LIMIT 1", (cursor,))
        start: int = oldest[0][0] // level * level
        return start if newest >= start + 2 * level else None

    def _read(self, start: int, end: int) -> list[_Source]:
        committed = meta_int(self._database, COMMITTED)  # beyond it a replay could bring single windows again
        sources = []
        for seq, key, at, created, body, crc, had_by, frozen in self._database.execute(_SPAN, (start, end, committed)):
            if frozen or not isinstance(body, bytes) or crc != checksum(Lane.SUMMARY, key, at, created, body):
                continue
            try:
                window = decode_summary(body)
            except ValueError:  # only another version could have written it; the deliverer sets it aside
                continue
            if window.end - window.start < end - start:
                sources.append(_Source(seq, window, had_by or ""))
        return sources

    def _replace(self, groups: Sequence[Sequence[_Source]], level: int, end: int, now: int) -> int:
        """The first row of each group becomes the joined one, under its old number; the others go."""
        joined = 0
        with self._database.transaction():
            for group in groups:
                windows = [source.window for source in group]
                chosen = side_by_side(windows)
                whole = with_all_sketches(join(chosen) if len(chosen) > 1 else chosen[0], windows)
                if self._still_there(group) and self._is_free(whole.key, group[0]):
                    values = row_values(whole, now)
                    self._database.execute(
                        "UPDATE outbox SET lane = ?, key = ?, time = ?, created = ?, body = ?, size = ?, crc = ? "
                        "WHERE seq = ?",
                        (*values, group[0].seq),
                    )
                    self._database.execute_many(
                        "DELETE FROM outbox WHERE seq = ?", [(source.seq,) for source in group[1:]]
                    )
                    self._tell(group, now)
                    joined += len(group)
            set_meta(self._database, _cursor(level), end)
        return joined

    def _still_there(self, group: Sequence[_Source]) -> bool:
        """The writer may have dropped some of them meanwhile."""
        return all(
            self._database.execute("SELECT 1 FROM outbox WHERE seq = ? AND state = 0", (source.seq,))
            for source in group
        )

    def _is_free(self, key: str, first: _Source) -> bool:
        rows = self._database.execute("SELECT seq FROM outbox WHERE key = ?", (key,))
        return not rows or rows[0][0] == first.seq

    def _tell(self, group: Sequence[_Source], now: int) -> None:
        start, end = group[0].window.start, max(source.window.end for source in group)
        event = Event(
            "", "thinned", REASON, start, end, len(group), "outbox/summary", "windows were joined into longer ones"
        )
        record_loss(self._database, Lane.SUMMARY, event, now)


def _cursor(level: int) -> str:
    return f"{_CURSOR}{level // 10**9}"


def _groups(sources: Sequence[_Source]) -> list[list[_Source]]:
    """What can be joined: windows of one asset with the same tags and features, which the same targets have."""
    groups: dict[tuple[object, ...], list[_Source]] = {}
    for source in sources:
        window = source.window
        groups.setdefault((window.asset, window.tags, window.features, source.had_by), []).append(source)
    return list(groups.values())
