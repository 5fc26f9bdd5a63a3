"""The outbox as a Bytewax sink: the room's only file that knows Bytewax."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from cloud_sink.errors import CloudSinkError
from cloud_sink.outbox.writer import OutboxWriter, PutResult
from cloud_sink.records import Account, Record

log = structlog.get_logger(__name__)

PARTITION = "outbox-0"  # keys the recovery state: renaming it is a migration

OnPut = Callable[[PutResult, Sequence[Record | Account]], None]


class _OutboxPartition(StatefulSinkPartition[Record | Account, int]):
    def __init__(self, writer: OutboxWriter, on_put: OnPut | None) -> None:
        self._writer = writer
        self._on_put = on_put

    def write_batch(self, values: list[Record | Account]) -> None:
        """Durable when it returns."""
        result = self._writer.put(values)
        if self._on_put is not None:
            self._on_put(result, values)

    def snapshot(self) -> int:
        return self._writer.snapshot_mark()

    def close(self) -> None:
        """Never raises: Bytewax aborts the whole process if it does while another error unwinds."""
        try:
            self._writer.close()
        except (CloudSinkError, OSError) as error:
            log.warning("outbox_close_failed", error=str(error))


class OutboxSink(FixedPartitionedSink[Record | Account, int]):
    """Takes (asset, record) and (asset, account) items. One worker, one outbox.

    Call `committed` from the source's commit hook: it lets the deliverer forget keys that no replay can bring again.
    """

    def __init__(self, open_writer: Callable[[], OutboxWriter], on_put: OnPut | None = None) -> None:
        """Describe it; the outbox is opened by Bytewax's worker at the first item, or on resume.

        Args:
            open_writer: Opens the outbox.
            on_put: Told of every call once it is durable.
        """
        self._open_writer = open_writer
        self._on_put = on_put
        self._writer: OutboxWriter | None = None

    def list_parts(self) -> list[str]:
        """The one partition."""
        return [PARTITION]

    def part_fn(self, item_key: str) -> int:  # noqa: ARG002 - Bytewax's interface
        """Everything goes to the one partition."""
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _OutboxPartition:  # noqa: ARG002
        """Open the outbox. The resume state is not needed: the outbox knows what it holds."""
        self._writer = self._open_writer()
        return _OutboxPartition(self._writer, self._on_put)

    def committed(self) -> None:
        """The last snapshot is durable, and no replay of an earlier run is still under way."""
        if self._writer is not None:
            self._writer.committed()
