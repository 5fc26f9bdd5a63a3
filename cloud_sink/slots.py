"""Where an upload takes place: at once, or in a thread beside the loop, which waits for no target."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog

from cloud_sink.errors import DeliveryError, TransientDeliveryError, TransientReason
from cloud_sink.objects import CloudObject
from cloud_sink.targets.base import Receipt, Target

log = structlog.get_logger(__name__)

Outcome = Receipt | DeliveryError


def attempt(target: Target, outgoing: CloudObject) -> Outcome:
    """One `put`, its failure as a value.

    Also a bug is a failure of this target, and held: the others, and alerts to them, must outlive it. Where it happened
    is logged, not its text, which may hold anything.
    """
    try:
        return target.put(outgoing.key, outgoing.data)
    except DeliveryError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a bug of one target must not end the others; it is held and told
        kind, frames = type(error).__name__, traceback.extract_tb(error.__traceback__)
        where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        log.warning("upload_failed_by_a_bug", target=target.name, error=kind, where=where)
        return TransientDeliveryError(TransientReason.INTERNAL, f"{kind} at {where[-1]}", hold=True)


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
        self._thread = threading.Thread(
            target=self._run, args=(outgoing,), name=f"upload to {self._target.name}", daemon=True
        )
        self._thread.start()

    def outcome(self, wait: float | None = 0.0) -> Outcome | None:
        """See `Slot.outcome`."""
        if self._thread is None:
            return None
        if wait != 0.0:
            self._thread.join(wait)
        if self._outcome is None and self._thread.is_alive():
            return None
        self._thread.join()
        outcome, self._outcome, self._thread = self._outcome, None, None
        return outcome

    def _run(self, outgoing: CloudObject) -> None:
        try:
            self._outcome = attempt(self._target, outgoing)
        finally:
            self._done()
