"""The thread that moves items from the hopper to the journal, so that the drivers' loop never waits for the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event, Thread

import structlog

from connectors.errors import JournalWriteFailed, UnknownAsset
from connectors.hopper import Hopper, is_command
from connectors.journal.writer import JournalWriter
from connectors.samples import Item, Notice, SampleBatch
from connectors.tags import TagTable

log = structlog.get_logger()

_WRITE_RETRY_S = 0.5


class Storer:
    """Starts at once; ends when the hopper is closed and empty, with everything durable.

    Attributes:
        write_failures: Appends the disk refused; they are tried again.
        refused: Samples the journal has no table for.
        error: What ended the thread before its time.
    """

    def __init__(
        self,
        hopper: Hopper,
        writer: JournalWriter,
        on_death: Callable[[], object],
        on_command: Callable[[Notice], object] = lambda _: None,
    ) -> None:
        """Start.

        Args:
            hopper: To be emptied.
            writer: Open; used by this thread alone from now on.
            on_death: Called in the thread when it ends before its time.
            on_command: Called in the thread for each COMMAND notice that is durable. Must not raise.
        """
        self.write_failures = 0
        self.refused = 0
        self.error: BaseException | None = None
        self._hopper = hopper
        self._writer = writer
        self._on_death = on_death
        self._on_command = on_command
        self._closing = Event()
        self._thread = Thread(target=self._run, name="journal-store", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until everything is stored and durable. The hopper must be closed."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while True:
                items = self._hopper.take(None)
                if items:
                    self._store(items)
                elif (tables := self._hopper.take_tables()) is not None:
                    self._adopt(tables)
                elif self._hopper.closed:
                    break
            self._writer.sync()
        except BaseException as error:  # noqa: BLE001  handed to the loop, which ends the process with it
            self.error = error
            self._on_death()

    def _store(self, items: Sequence[Item]) -> None:
        try:
            self._insist(lambda: self._writer.append(items))
        except (UnknownAsset, ValueError) as error:
            self._store_each(items, error)
        else:
            self._tell_commands(items)

    def _adopt(self, tables: Sequence[TagTable]) -> None:
        """Nothing that follows can be stored before."""
        self._insist(lambda: self._writer.adopt(tables))

    def _insist(self, write: Callable[[], None]) -> None:
        """Try again while the disk refuses."""
        while True:
            try:
                write()
            except JournalWriteFailed as error:
                self.write_failures += 1
                if self.write_failures == 1 or self.write_failures % 120 == 0:
                    log.warning("journal_append_failed", error=str(error), retry_in_s=_WRITE_RETRY_S)
                if self._closing.wait(_WRITE_RETRY_S):
                    raise  # no time is left to wait for the disk
            else:
                return

    def _tell_commands(self, items: Sequence[Item]) -> None:
        """Commands are rare, and a person's: each is made durable at once, not with the next group sync."""
        commands = [item for item in items if isinstance(item, Notice) and is_command(item)]
        if commands and self._writer.sync():
            for command in commands:
                self._on_command(command)

    def _store_each(self, items: Sequence[Item], error: Exception) -> None:
        if len(items) > 1:
            for item in items:
                self._store([item])
            return
        count = len(items[0]) if isinstance(items[0], SampleBatch) else 0
        self.refused += count
        log.error("journal_refused_block", asset=items[0].asset, samples=count, error=str(error))
