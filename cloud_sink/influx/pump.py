"""The sender beside the loop that delivers: an InfluxDB that does not answer for minutes holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import structlog

from cloud_sink.errors import CloudSinkError
from cloud_sink.influx.sender import LONGEST_WAIT_S, InfluxSender

log = structlog.get_logger(__name__)

_LAST_WAIT_S = 2.0  # for a write under way at the end; after that it is sent again at the next start


class InfluxPump:
    """Lets a sender take its steps in one thread at a time; looked at by the loop. The thread ends with the process."""

    def __init__(self, sender: InfluxSender, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Nothing is sent yet.

        Args:
            sender: Its ring is used by no other thread.
            monotonic: Steady clock, s.
        """
        self._sender = sender
        self._monotonic = monotonic
        self._thread: threading.Thread | None = None
        self._step: Future[float] = Future()
        self._due = 0.0

    def look(self) -> None:
        """Begin the next step if it is time; call several times a second."""
        if self._thread is not None:
            if not self._step.done():
                return
            self._thread = None
            self._due = self._monotonic() + self._waits()
        if self._monotonic() >= self._due:
            self._step = Future()
            self._thread = threading.Thread(target=self._run, args=(self._step,), daemon=True, name="influx")
            self._thread.start()

    def close(self) -> bool:
        """Wait a little for the step under way; False = it goes on, and what it uses must not be closed."""
        if self._thread is not None:
            self._thread.join(_LAST_WAIT_S)
            return not self._thread.is_alive()
        return True

    def _run(self, step: Future[float]) -> None:
        try:
            step.set_result(self._sender.step())
        except Exception as error:  # noqa: BLE001 - whatever it is, `_waits` raises it in the loop
            step.set_exception(error)

    def _waits(self) -> float:
        try:
            return self._step.result()
        except CloudSinkError as error:  # the ring: a full disk, a secret that cannot be read
            log.error("influx_failed", error=str(error))
            return LONGEST_WAIT_S
