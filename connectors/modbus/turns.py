"""Who may use the line next: the read that is due first, not the one that asked first."""

from __future__ import annotations

import asyncio
import heapq
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

    def turn(self, deadline: int) -> Turn:
        """Wait for the line and hold it: `async with turns.turn(deadline)`.

        Args:
            deadline: Monotonic ns at which the result should be there.
        """
        return Turn(self, deadline)

    async def take(self, deadline: int) -> None:
        """What `turn` does at its start."""
        if self._taken:
            granted = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (deadline, next(self._arrival), granted))
            try:
                await granted
            except asyncio.CancelledError:
                if granted.done() and not granted.cancelled():  # the line was ours already: hand it on
                    self.hand_on()
                raise
        self._taken = True

    def hand_on(self) -> None:
        """What `turn` does at its end."""
        while self._waiting:
            _, _, granted = heapq.heappop(self._waiting)
            if not granted.done():
                granted.set_result(None)
                return  # still taken, by the next one
        self._taken = False


class Turn:
    """One use of the line. A class, since a generator for it costs several times as much."""

    __slots__ = ("_deadline", "_turns")

    def __init__(self, turns: Turns, deadline: int) -> None:
        self._turns = turns
        self._deadline = deadline

    async def __aenter__(self) -> None:
        await self._turns.take(self._deadline)

    async def __aexit__(self, *_: object) -> None:
        self._turns.hand_on()
