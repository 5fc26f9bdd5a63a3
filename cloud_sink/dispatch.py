"""The loop of the deliver process: every target gets its turn, and none waits for another.

The loop itself never touches a target, which may take minutes to answer or never do: uploads take place in slots.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from cloud_sink.settings import DeliverySettings

_LAST_WAIT_S = 5.0  # for uploads under way at the end; after that they are sent again at the next start


class Keeper(Protocol):
    """What the loop needs of the outbox; see `OutboxReader`."""

    def maintain(self) -> None:
        """Housekeeping, about once a poll interval."""
        ...


class Turn(Protocol):
    """What gets its turn: a `Deliverer`, or whatever else reads from the outbox."""

    def step(self) -> float:
        """Do a little; seconds until there may be more, 0 = at once."""
        ...

    def collect(self, wait: float = 0.0) -> None:
        """Take up the ends of what is under way, each waited for so many seconds."""
        ...

    def drain(self) -> bool:
        """Do all there is; False = some is left."""
        ...


class Dispatcher:
    """Empties an outbox into its targets for as long as it runs."""

    def __init__(
        self,
        outbox: Keeper,
        deliverers: Sequence[Turn],
        settings: DeliverySettings,
        wait: Callable[[float], object],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put the parts together; nothing is sent yet.

        Args:
            outbox: The caller closes it.
            deliverers: One a target, and others that read along.
            settings: Intervals.
            wait: Called after every step; sleeps for up to some seconds (0 = not at all), less when an alert arrives,
                an upload ends or `stop` was called: `Bell.wait`.
            monotonic: Steady clock, s.
        """
        self._outbox = outbox
        self._deliverers = tuple(deliverers)
        self._settings = settings
        self._wait = wait
        self._monotonic = monotonic
        self._stopped = False
        self._maintain_at = 0.0

    def run(self) -> None:
        """Deliver until `stop`. What was not delivered stays in the outbox.

        Raises:
            OutboxError: The outbox cannot be used any more.
        """
        while not self._stopped:
            delay = self.step()
            if not self._stopped:
                self._wait(delay)
        give_up = self._monotonic() + _LAST_WAIT_S
        for deliverer in self._deliverers:
            deliverer.collect(max(0.0, give_up - self._monotonic()))

    def step(self) -> float:
        """One object of each target.

        Returns:
            Seconds to wait before the next step, less when the bell rings; 0 = there may be more.
        """
        self._maintain()
        return min(deliverer.step() for deliverer in self._deliverers)

    def stop(self) -> None:
        """End `run` after the objects in hand; ring the bell as well to end a wait. Safe in a signal handler."""
        self._stopped = True

    def drain(self) -> bool:
        """See `Deliverer.drain`; a target that cannot be reached does not keep the others from getting theirs."""
        done = [deliverer.drain() for deliverer in self._deliverers]
        return all(done)

    def _maintain(self) -> None:
        if (now := self._monotonic()) >= self._maintain_at:
            self._maintain_at = now + self._settings.poll_interval.total_seconds()
            self._outbox.maintain()
