"""A frozen batch: the rows that become one object, always the same object."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from cloud_sink.records import Lane


@dataclass(frozen=True, slots=True)
class Row:
    """One record as it lies in the outbox.

    Attributes:
        seq: Order of arrival; the only order that a stepping clock cannot change.
        key: Idempotency key of the record.
        time: Event time, ns since the epoch.
        body: The encoded record.
    """

    seq: int
    key: str
    time: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one lane, in order of arrival, whose membership never changes again.

    Attributes:
        id: `batch_id` of the keys at the moment of freezing.
        lane: Of all rows.
        rows: At least one.
    """

    id: str
    lane: Lane
    rows: tuple[Row, ...]

    @property
    def first_time(self) -> int:
        """Earliest event time, ns."""
        return min(row.time for row in self.rows)


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """Two batches of at least one row each, with names of their own; `batch` has at least two."""
    middle = len(batch.rows) // 2
    first, second = batch.rows[:middle], batch.rows[middle:]
    return (
        Batch(batch_id(row.key for row in first), batch.lane, first),
        Batch(batch_id(row.key for row in second), batch.lane, second),
    )


def batch_id(keys: Iterable[str]) -> str:
    """Name of a batch: the same keys in the same order always give the same 64 hex digits."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()
