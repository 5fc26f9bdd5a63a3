"""Tags of one unit that are polled together: their grid, their blocks and their gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import structlog
from numpy.typing import NDArray

from connectors.driver import Emit
from connectors.errors import LinkDown
from connectors.modbus.clock import Clock
from connectors.modbus.columns import Columns
from connectors.modbus.layout import target_of
from connectors.modbus.poll import Poller
from connectors.samples import Notice, NoticeKind, SampleBatch
from connectors.tags import TagTable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row of a poll goes."""

    table: TagTable
    number: int  # of the tag in its table


@dataclass(frozen=True, slots=True)
class _Share:
    """The share of one asset in a poll: `tag[i]` is the number of the tag that row `rows[i]` feeds."""

    table: TagTable
    rows: slice | NDArray[np.intp]
    tag: NDArray[np.uint16]


class Group:
    """Polls on a grid of its own, until cancelled.

    Every poll emits one block per asset with every tag of the group exactly once: a value, or NaN and the reason.
    """

    def __init__(
        self,
        name: str,
        interval: timedelta,
        poller: Poller,
        places: Sequence[Place],
        counts: Counter[str],
        clock: Clock,
    ) -> None:
        """Share out the rows; nothing is asked yet.

        Args:
            name: Of the driver.
            interval: Between two polls.
            poller: Of these tags.
            places: Of each row of the poller.
            counts: Added to: "polls", "polls_skipped", "samples".
            clock: Time.
        """
        self._name = name
        self._interval = round(interval.total_seconds() * 1e9)
        self._poller = poller
        self._counts = counts
        self._clock = clock
        self._shares = _share_out(places, poller.order)
        self._last_reply = 0  # source time of the last reply, or the start
        self._down_since: int | None = None
        self._down_reason = ""

    async def run(self, emit: Emit) -> None:
        """Poll for ever."""
        self._last_reply = self._clock.wall()
        due = self._clock.monotonic()
        while True:
            columns = await self._poller.poll(due + self._interval)
            self._counts["polls"] += 1
            self._emit_notices(columns, emit)
            self._emit_blocks(columns, emit)
            self._poller.replan()
            due, skipped = next_due(due, self._interval, self._clock.monotonic())
            self._counts["polls_skipped"] += skipped
            await self._clock.sleep(max(0, due - self._clock.monotonic()) / 1e9)

    def _emit_notices(self, columns: Columns, emit: Emit) -> None:
        """A gap per asset once the device is heard again after polls in which it was not."""
        outage = columns.outage
        if outage is not None and self._down_since is None:
            self._down_since = columns.heard_before or self._last_reply
            self._down_reason = "link_down" if isinstance(outage, LinkDown) else "unit_silent"
            log.error(
                "modbus_down", reason=self._down_reason, driver=self._name, assets=self._assets(), why=str(outage)
            )
        if outage is None and columns.first_reply is not None and self._down_since is not None:
            log.info("modbus_heard_again", driver=self._name, assets=self._assets())
            for share in self._shares:
                gap = (self._down_since, columns.first_reply)
                emit(Notice(NoticeKind.GAP, share.table.asset, self._down_reason, *gap, source=self._name))
            self._down_since = None
        self._last_reply = columns.last_reply or self._last_reply

    def _assets(self) -> list[str]:
        return [share.table.asset for share in self._shares]

    def _emit_blocks(self, columns: Columns, emit: Emit) -> None:
        for share in self._shares:
            rows = share.rows
            emit(
                SampleBatch(
                    share.table,
                    share.tag,
                    columns.source_time[rows],
                    columns.value[rows],
                    columns.status[rows],
                    columns.received_time,
                )
            )
        self._counts["samples"] += len(columns.value)


def next_due(due: int, interval: int, now: int) -> tuple[int, int]:
    """When the next poll is due: on the grid of the first one, whatever the last one took.

    Args:
        due: When the last poll was due, monotonic ns.
        interval: ns.
        now: Monotonic ns, not before `due`.

    Returns:
        The next grid point that is not past, and how many were passed over. A poll is late by less than one interval
        or not made at all: two at once would bring nothing that one does not.
    """
    skipped = max(0, (now - due - 1) // interval)
    return due + (skipped + 1) * interval, skipped


def _share_out(places: Sequence[Place], order: NDArray[np.intp]) -> tuple[_Share, ...]:
    """Rows of each asset in the order of reading, so that source times ascend within a block."""
    shares = []
    for table in dict.fromkeys(place.table for place in places):
        rows = np.array([row for row in order if places[row].table is table], dtype=np.intp)
        numbers = np.array([places[row].number for row in rows], dtype=np.uint16)
        shares.append(_Share(table, target_of(rows.tolist()), numbers))
    return tuple(shares)
