"""How long to wait before the next try: doubling, with a cap and jitter. Used by every driver that reconnects."""

from __future__ import annotations

import random
from datetime import timedelta

JITTER = 0.2  # +-20 %: gateways that lost one server together do not come back together


class Backoff:
    """Delays first, 2 x first, 4 x first, ... up to the cap, each spread by +-20 %. The cap is never exceeded.

    Pure: it sleeps nowhere, and with a seeded `rng` it is repeatable.
    """

    def __init__(self, first: timedelta, cap: timedelta, rng: random.Random) -> None:
        if not timedelta(0) < first <= cap:
            msg = (
                f"back-off from {first} to {cap}: the first delay must be > 0 and not above the cap; swap or raise them"
            )
            raise ValueError(msg)
        self._first = first.total_seconds()
        self._cap = cap.total_seconds()
        self._rng = rng
        self._base = self._first

    def next(self) -> float:
        """Seconds to wait now; the following call waits about twice as long."""
        base = self._base
        self._base = min(base * 2, self._cap)
        return min(base * self._rng.uniform(1 - JITTER, 1 + JITTER), self._cap)

    def reset(self) -> None:
        """Begin again with the first delay. Call it once the peer has proven itself, not at the bare connect."""
        self._base = self._first
