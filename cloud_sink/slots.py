"""Where an upload takes place: at once, or in a thread beside the loop, so that alerts need not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from cloud_sink.errors import DeliveryError
from cloud_sink.objects import CloudObject
from cloud_sink.targets.base import Receipt, Target

Outcome = Receipt | DeliveryError


def attempt(target: Target, outgoing: CloudObject) -> Outcome:
    """One `put`, its failure as a value."""
    try:
        return target.put(outgoing.key, outgoing.data)
    except DeliveryError as error:
        return error


class Slot(Protocol):
    """Room for one upload. `start`, then `outcome` until it is there, then `start` again."""

    def start(self, outgoing: CloudObject) -> None:
        """Begin."""
        ...

    def outcome(self, wait: float | None = 0.0) -> Outcome | None:
        """How it ended, once; None = it has not within `wait` seconds. `wait` None = as long as it takes."""
        ...


class InlineSlot:
    """Uploads while `start` is called."""

    def __init__(self, target: Target) -> None:
        """Take a target."""
        self._target = target
        self._outcome: Outcome | None = None

    def start(self, outgoing: CloudObject) -> None:
        """See `Slot.start`."""
        self._outcome = attempt(self._target, outgoing)

    def outcome(self, wait: float | None = 0.0) -> Outcome | None:  # noqa: ARG002 - there is nothing to wait for
        """See `Slot.outcome`."""
        outcome, self._outcome = self._outcome, None
        return outcome


class ThreadSlot:
    """Uploads in one thread at a time; never more, however long a link is dead. The thread ends with the process."""

    def __init__(self, target: Target, done: Callable[[], object]) -> None:
        """Take a target for this slot alone.

        Args:
            target: Used in the thread; nobody else may use it.
            done: Called from the thread at the end of each upload: `Bell.ring`.
        """
        self._target = target
        self._done = done
        self._thread: threading.Thread | None = None
        self._outcome: Outcome | None = None

    def start(self, outgoing: CloudObject) -> None:
        """See `Slot.start`."""
        assert self._thread is None, "one at a time"
        self._thread = threading.Thread(target=self._run, args=(outgoing,), name="bulk upload", daemon=True)
        self._thread.start()

    def outcome(self, wait: float | None = 0.0) -> Outcome | None:
        """See `Slot.outcome`.

        Raises:
            RuntimeError: The thread ended by an error of this program, whose trace is on stderr.
        """
        if self._thread is None:
            return None
        if wait != 0.0:
            self._thread.join(wait)
        if self._outcome is None and self._thread.is_alive():
            return None
        self._thread.join()
        outcome, self._outcome, self._thread = self._outcome, None, None
        if outcome is None:
            msg = "the bulk upload ended by a bug; see its trace above"
            raise RuntimeError(msg)
        return outcome

    def _run(self, outgoing: CloudObject) -> None:
        try:
            self._outcome = attempt(self._target, outgoing)
        finally:
            self._done()
