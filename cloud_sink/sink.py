"""The outbox as a Bytewax sink: the room's only file that knows Bytewax."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import structlog
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from cloud_sink.errors import CloudSinkError
from cloud_sink.outbox.writer import OutboxWriter, PutResult
from cloud_sink.records import Account, Lane, Record

log = structlog.get_logger(__name__)

PARTITION = "outbox-0"  # keys the recovery state: renaming it is a migration
# An alert never waits; the rest does, so that alerts do not queue behind a commit for each closed window. Windows that
# close together do so at multiples of their length: no divisor of a usual one, or this would fall among the next.
HOLD_S = 0.37
_MOST_HELD = 500

OnPut = Callable[[PutResult, Sequence[Record | Account]], None]


class _OutboxPartition(StatefulSinkPartition[Record | Account, int]):
    def __init__(self, writer: OutboxWriter, on_put: OnPut | None, monotonic: Callable[[], float]) -> None:
        self._writer = writer
        self._on_put = on_put
        self._monotonic = monotonic
        self._held: list[Record | Account] = []
        self._since = 0.0

    def write_batch(self, values: list[Record | Account]) -> None:
        """Alerts are durable when it returns. The rest is by the end of the epoch: before that, a replay brings it."""
        alerts = [value for value in values if _is_alert(value)]
        if alerts:
            self._put(alerts)
        if len(alerts) == len(values):
            return
        if not self._held:
            self._since = self._monotonic()
        self._held += values if not alerts else [value for value in values if not _is_alert(value)]
        if len(self._held) >= _MOST_HELD:
            self._flush()

    def flush_due(self) -> None:
        if self._held and self._monotonic() - self._since >= HOLD_S:
            self._flush()

    def put_now(self, values: Sequence[Record]) -> None:
        self._put(values)

    def snapshot(self) -> int:
        self._flush()
        return self._writer.snapshot_mark()

    def close(self) -> None:
        """Never raises: Bytewax aborts the whole process if it does while another error unwinds."""
        try:
            self._writer.close()
        except (CloudSinkError, OSError) as error:
            log.warning("outbox_close_failed", error=str(error))

    def _flush(self) -> None:
        held, self._held = self._held, []
        if held:
            self._put(held)

    def _put(self, values: Sequence[Record | Account]) -> None:
        result = self._writer.put(values)
        if self._on_put is not None:
            self._on_put(result, values)


class OutboxSink(FixedPartitionedSink[Record | Account, int]):
    """Takes (asset, record) and (asset, account) items. One outbox, or in a cluster one of each host that has one.

    Call `committed` from the source's commit hook: it lets the deliverer forget keys that no replay can bring again.
    Call `flush_due` in every pass of the source, else summaries and events wait for the end of the epoch.
    """

    def __init__(
        self,
        open_writer: Callable[[], OutboxWriter],
        on_put: OnPut | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        partition: str | None = PARTITION,
        partitions: Sequence[str] = (PARTITION,),
        owners: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Describe it; the outbox is opened by Bytewax's worker at the first item, or on resume.

        Args:
            open_writer: Opens the outbox.
            on_put: Told of every call once it is durable.
            monotonic: Steady clock, s.
            partition: That this process's outbox is; None = it has none.
            partitions: Of the whole cluster, the same on every process. A name keys the recovery state.
            owners: The partition of each asset; what has none goes to `PARTITION`.
        """
        self._open_writer = open_writer
        self._partition = partition
        # Bytewax numbers them in the order of their names.
        numbers = {name: number for number, name in enumerate(sorted(partitions))}
        self._numbers = {asset: numbers[owner] for asset, owner in owners.items()}
        self._first = numbers[PARTITION]
        self._on_put = on_put
        self._monotonic = monotonic
        self._writer: OutboxWriter | None = None
        self._part: _OutboxPartition | None = None

    def list_parts(self) -> list[str]:
        """That of this process."""
        return [] if self._partition is None else [self._partition]

    def part_fn(self, item_key: str) -> int:
        """Of the outbox of the host that reads the asset: what is of one journal lies in one outbox."""
        return self._numbers.get(item_key, self._first)

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _OutboxPartition:  # noqa: ARG002
        """Open the outbox. The resume state is not needed: the outbox knows what it holds."""
        self._writer = self._open_writer()
        self._part = _OutboxPartition(self._writer, self._on_put, self._monotonic)
        return self._part

    def committed(self) -> None:
        """The last snapshot is durable, and no replay of an earlier run is still under way."""
        if self._writer is not None:
            self._writer.committed()

    @property
    def is_full(self) -> bool:
        """Whether what came last was dropped, since the disk is full."""
        return self._writer is not None and self._writer.is_full

    def tell(self, records: Sequence[Record]) -> bool:
        """Write records that come from beside the dataflow; durable when it returns.

        Returns:
            False where Bytewax has not opened the outbox yet: nothing was written.
        """
        if self._part is None:
            return False
        self._part.put_now(records)
        return True

    def flush_due(self) -> None:
        """Write what has been held for long enough."""
        if self._part is not None:
            self._part.flush_due()


def _is_alert(value: Record | Account) -> bool:
    return not isinstance(value, Account) and value.lane is Lane.ALERT
