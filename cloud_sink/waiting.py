"""What is to be sent next: frozen batches of the outbox, and the halves of those that a target found too large."""

from __future__ import annotations

from typing import Protocol

from cloud_sink.batch import Batch, halves
from cloud_sink.errors import PermanentReason
from cloud_sink.records import Lane


class Queue(Protocol):
    """What the deliverer needs of the outbox; see `outbox.queue`."""

    def freeze(self, lane: Lane, limit: int | None = None, *, flush: bool = False) -> Batch | None:
        """The next batch of a lane, the same one until it is delivered or quarantined."""
        ...

    def delivered(self, batch: Batch) -> None:
        """Forget it, or the part of it that is given."""
        ...

    def quarantine(self, batch: Batch, reason: PermanentReason) -> None:
        """Set it aside, or the part of it that is given."""
        ...

    def link_is_away(self) -> None:
        """What waits now is backlog: what comes from now on goes before it, once it goes."""
        ...

    def newest(self, lane: Lane) -> int:
        """A number that grows with every record that comes into a lane; 0 = none waits there."""
        ...


class Waiting:
    """The queue of a target as its deliverer sees it.

    Halves go under names of their own, so nothing changes that was ever accepted; after a crash the whole batch is
    tried and split again, into the same halves but for those that were ticked off.
    """

    def __init__(self, queue: Queue) -> None:
        """Take the target's queue."""
        self._queue = queue
        self._pieces: dict[Lane, list[Batch]] = {}  # the next one last
        self._newest_alert = 0

    def next(self, lane: Lane, limit: int | None, *, flush: bool) -> Batch | None:
        """As `Queue.freeze`."""
        if pieces := self._pieces.get(lane):
            return pieces[-1]
        return self._queue.freeze(lane, limit, flush=flush)

    def delivered(self, batch: Batch) -> None:
        """It lies verified at its target."""
        self._queue.delivered(batch)
        self._done_with(batch)

    def set_aside(self, batch: Batch, reason: PermanentReason) -> None:
        """It never will."""
        self._queue.quarantine(batch, reason)
        self._done_with(batch)

    def split(self, batch: Batch) -> None:
        """Send its halves instead; it has at least two rows."""
        self._done_with(batch)
        self._pieces.setdefault(batch.lane, []).extend(reversed(halves(batch)))

    def alert_came(self) -> bool:
        """Whether there is an alert that was not there at the last call."""
        before, self._newest_alert = self._newest_alert, self._queue.newest(Lane.ALERT)
        return self._newest_alert > before

    def link_is_away(self) -> None:
        """See `Queue.link_is_away`."""
        self._queue.link_is_away()

    def _done_with(self, batch: Batch) -> None:
        if (pieces := self._pieces.get(batch.lane)) and pieces[-1] is batch:
            pieces.pop()
