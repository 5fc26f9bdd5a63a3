"""Who may use the line next: the read that is due first, not the one that asked first."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator
from itertools import count


class Turns:
    """One request at a time on a line, earliest deadline first.

    Reads of one poll wait here one by one, so that a long poll of one unit holds up a short one of another by a single
    request. Of equal deadlines the one that waits longest is first.
    """

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrival = count()

    @contextlib.asynccontextmanager
    async def turn(self, deadline: int) -> AsyncIterator[None]:
        """Wait for the line and hold it.

        Args:
            deadline: Monotonic ns at which the result should be there.
        """
        if self._taken:
            granted = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (deadline, next(self._arrival), granted))
            try:
                await granted
            except asyncio.CancelledError:
                if granted.done() and not granted.cancelled():  # the line was ours already: hand it on
                    self._hand_on()
                raise
        self._taken = True
        try:
            yield
        finally:
            self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting:
            _, _, granted = heapq.heappop(self._waiting)
            if not granted.done():
                granted.set_result(None)
                return  # still taken, by the next one
        self._taken = False
