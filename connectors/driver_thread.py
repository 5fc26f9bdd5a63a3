"""Drivers in a thread of their own, for flows without a journal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from threading import Thread

from connectors.driver import Driver
from connectors.intake import Intake, IntakeSettings
from connectors.samples import Item


class DriverThread:
    """An intake with an event loop in a thread of its own; the caller is the consumer."""

    def __init__(self, drivers: Sequence[Driver], settings: IntakeSettings) -> None:
        """Start."""
        self._intake = Intake(drivers, settings, {})
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = Thread(target=self._run, name="drivers", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> list[Item]:
        """What has come; waits for something at most that long."""
        return self._intake.hopper.take(timeout_s)

    def close(self) -> None:
        """End the drivers; what is queued can still be taken. May be called again."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._intake.run(self._stop))
