"""The bounded hand-over from the drivers' event loop to the thread that stores."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Condition

from connectors.samples import Item, Notice, NoticeKind, SampleBatch
from connectors.tags import TagTable


@dataclass(slots=True)
class _Drop:
    """What was let go of one asset since the last notice of it."""

    count: int = 0
    start: int = 0
    end: int = 0

    def add(self, count: int, start: int, end: int) -> None:
        self.start = min(self.start, start) if self.end else start
        self.end = max(self.end, end)
        self.count += count


class Hopper:
    """A queue bounded by samples, or by one block where that is larger. `put` from one thread, `take` from another.

    What does not fit is dropped whole, and stated in the asset's own stream by a DROPPED notice (reason "queue_full"):
    before the asset's next item that fits, or when the queue has been emptied. What a person asks always fits.

    Attributes:
        dropped: Samples let go since the start.
    """

    def __init__(self, capacity: int) -> None:
        self.dropped = 0
        self._capacity = capacity
        self._items: list[Item] = []
        self._later: deque[tuple[Sequence[TagTable], list[Item]]] = deque()  # each change of tables, and what follows
        self._weight = 0
        self._drops: dict[str, _Drop] = {}
        self._closed = False
        self._changed = Condition()

    def put(self, item: Item) -> None:
        """Queue or drop. Never waits for the consumer, never raises."""
        with self._changed:
            weight = _weight(item)
            if self._weight and self._weight + weight > self._capacity and not is_command(item):
                self._drop(item)
                return
            queue = self._later[-1][1] if self._later else self._items
            if item.asset in self._drops:
                queue.append(_notice(item.asset, self._drops.pop(item.asset)))
            queue.append(item)
            self._weight += weight
            self._changed.notify()

    def put_tables(self, tables: Sequence[TagTable]) -> None:
        """State that what is put from now on is of these tables. Always fits."""
        with self._changed:
            self._later.append((tuple(tables), []))
            self._changed.notify()

    def take(self, timeout_s: float | None) -> list[Item]:
        """Everything that is queued up to the next change of tables.

        Waits for something, for the end or for the time-out (None = for ever).
        """
        with self._changed:
            if not self._items and not self._drops and not self._later and not self._closed:
                self._changed.wait(timeout_s)
            items, self._items = self._items, []
            self._weight = sum(_weight(item) for _, queue in self._later for item in queue)
            if not self._later:
                items += [_notice(asset, drop) for asset, drop in self._drops.items()]
                self._drops.clear()
            return items

    def take_tables(self) -> Sequence[TagTable] | None:
        """The change of tables that is next in the queue; None = there is none, or something stands before it."""
        with self._changed:
            if self._items or not self._later:
                return None
            tables, self._items = self._later.popleft()
            return tables

    @property
    def queued(self) -> int:
        """Samples waiting, a notice counting as one."""
        return self._weight

    @property
    def closed(self) -> bool:
        """Whether nothing more will be put."""
        return self._closed

    def close(self) -> None:
        """State that nothing more will be put; what is queued can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _drop(self, item: Item) -> None:
        if isinstance(item, SampleBatch):
            start, end = int(item.source_time.min()), int(item.source_time.max())
            count = len(item)
        elif item.kind is NoticeKind.IDLE:  # said again in a moment
            return
        else:  # a gap or a drop further up: its time and count go into ours
            start, end, count = item.start, item.end, item.count
        self._drops.setdefault(item.asset, _Drop()).add(count, start, end)
        self.dropped += count


def is_command(item: Item) -> bool:
    """Whether a person asks something."""
    return isinstance(item, Notice) and item.kind is NoticeKind.COMMAND


def _notice(asset: str, drop: _Drop) -> Notice:
    return Notice(NoticeKind.DROPPED, asset, "queue_full", drop.start, drop.end, drop.count, "intake")


def _weight(item: Item) -> int:
    return len(item) if isinstance(item, SampleBatch) else 1
