"""From the outbox to the ring: every record is read once, at once, so that the outbox never waits for an InfluxDB."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import structlog

from cloud_sink.alert_decoding import decode_alert
from cloud_sink.batch import Batch, Row
from cloud_sink.decoding import decode_event, decode_summary
from cloud_sink.errors import OutboxError, PermanentReason
from cloud_sink.influx.points import lines_of
from cloud_sink.influx.ring import Ring
from cloud_sink.records import Lane, Record
from cloud_sink.waiting import Queue

log = structlog.get_logger(__name__)


class InfluxFeeder:
    """Turns the records of a queue into lines of a ring.

    Attributes:
        missed: Lines that the ring could not take, by reason: the disk is full, or its file is damaged. They are gone
            for the dashboards; the cloud gets the records all the same.
    """

    def __init__(self, queue: Queue, ring: Ring, site: str, pause: float) -> None:
        """Nothing is read yet.

        Args:
            queue: Of the outbox; all lanes.
            ring: Where to; the caller closes it.
            site: Of this gateway.
            pause: Seconds between two looks when there is nothing.
        """
        self.missed: Counter[str] = Counter()
        self._queue = queue
        self._ring = ring
        self._site = site
        self._pause = pause

    def step(self) -> float:
        """Take over one batch of each lane.

        Returns:
            Seconds until there may be more; 0 = at once.
        """
        some = False
        for lane in Lane:
            # What waits for its quarter of an hour, as a summary does for the cloud, is wanted on the wall now.
            if (batch := self._queue.freeze(lane, flush=True)) is not None:
                self._take_over(batch)
                some = True
        return 0.0 if some else self._pause

    def collect(self, wait: float = 0.0) -> None:
        """Nothing is ever under way."""

    def drain(self) -> bool:
        """Take over all there is; True."""
        while self.step() == 0.0:
            pass
        return True

    def put(self, lines: Sequence[str]) -> None:
        """Lines that are no record: the gateway's health."""
        try:
            self._ring.put(lines)
        except OutboxError as error:
            if not self.missed:
                log.error("influx_ring_failed", error=str(error))
            self.missed["ring"] += len(lines)

    def _take_over(self, batch: Batch) -> None:
        try:
            lines = [line for row in batch.rows for line in lines_of(_record(row), self._site)]
        except (ValueError, LookupError, TypeError) as error:  # what only another version could have written
            log.error("influx_batch_unreadable", lane=batch.lane.name.lower(), error=str(error))
            self._queue.quarantine(batch, PermanentReason.UNREADABLE)
            return
        self.put(lines)
        self._queue.delivered(batch)


def _record(row: Row) -> Record:
    """By its key, since a flood sends alerts the way of events.

    Raises:
        ValueError: No record of this software.
    """
    match row.key.partition("/")[0]:
        case "alert":
            return decode_alert(row.body)
        case "summary":
            return decode_summary(row.body)
        case "event":
            return decode_event(row.body)
        case other:
            msg = f"no record: {other}"
            raise ValueError(msg)
