"""Time as an argument, so that tests own it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """The machine's clocks unless a test says otherwise.

    Attributes:
        wall: ns since the epoch.
        monotonic: ns, never stepping back.
        sleep: For so many seconds.
    """

    wall: Callable[[], int] = time.time_ns
    monotonic: Callable[[], int] = time.monotonic_ns
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
