"""Which source times are believed: the guard against clocks that are wrong, or were set. Pure; no clock of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.timing import Timing


class ClockGuard:
    """Knows how far ahead of its reception a sample of one asset may be stamped, and when to give in to a clock.

    One wild timestamp is refused. When nothing live was accepted for `follow_after` of received time, a clock was set
    for good, the device's or ours: then it is followed. Received times alone measure that, so a replay decides alike.

    Attributes:
        followed: How often a clock was followed.
    """

    def __init__(self, timing: Timing) -> None:
        self.followed = 0
        self._timing = timing
        self._ahead = 0  # ns that the device's clock is known to be ahead of ours
        self._refused_since: int | None = None  # received time since which nothing live was accepted

    def limit(self, received: int) -> int:
        """The newest source time that is believed of what is received then."""
        return received + self._timing.allowed_skew_ns + self._ahead

    def accepted(self, newest: int, received: int) -> None:
        """Some samples of a live block were accepted, up to this time."""
        self._refused_since = None
        if self._ahead and newest <= received + self._timing.allowed_skew_ns:
            self._ahead = 0  # both clocks agree again

    def refused(self, received: int) -> bool:
        """No sample of a live block was accepted; whether the clock must be followed now."""
        if self._refused_since is None or received < self._refused_since:  # our own clock may have been set back
            self._refused_since = received
        if received - self._refused_since < self._timing.follow_after_ns:
            return False
        self._refused_since = None
        self.followed += 1
        return True

    def go_ahead(self, times: NDArray[np.int64], received: int) -> None:
        """Believe samples of these times from now on, but for those that are wild among them."""
        usual = np.median(times) + max(self._timing.allowed_skew_ns, self._timing.follow_after_ns)
        self._ahead = max(int(times[times <= usual].max()) - received, 0)

    def elapsed_to(self, start: int, end: int, newest: int | None) -> int:
        """Event time of a notice that says how long an asset has been idle: from `start`, its newest sample, to `end`.

        Whoever made it may still count in the time of a clock that has been set since.
        """
        if not self.followed or newest is None or not start or abs(start - newest) <= self._timing.allowed_skew_ns:
            return end
        return newest + end - start

    def to_json(self) -> dict[str, Any]:
        """For a snapshot."""
        return {"followed": self.followed, "ahead": self._ahead, "refused_since": self._refused_since}

    @classmethod
    def from_json(cls, timing: Timing, data: Mapping[str, Any]) -> ClockGuard:
        """Inverse of `to_json`."""
        made = cls(timing)
        made.followed, made._ahead, made._refused_since = data["followed"], data["ahead"], data["refused_since"]
        return made
