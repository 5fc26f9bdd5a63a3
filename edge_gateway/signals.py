"""A polite end: SIGTERM and SIGINT become a call, never an exception in the middle of something."""

from __future__ import annotations

import signal
from collections.abc import Callable


def on_stop(call: Callable[[], None]) -> None:
    """Call `call` at SIGTERM or SIGINT, from the main thread, as often as they come."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: call())
