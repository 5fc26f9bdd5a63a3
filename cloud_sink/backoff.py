"""When to try again: waits that double, with full jitter, up to a cap that depends on what a try costs."""

from __future__ import annotations

from collections.abc import Callable

from cloud_sink.errors import TransientDeliveryError, TransientReason
from cloud_sink.records import Lane
from cloud_sink.settings import DeliverySettings

# What a link looks like that is away and may be back the next moment: a try is as good now as later.
_OF_THE_LINK = {
    TransientReason.NO_LINK,
    TransientReason.DNS,
    TransientReason.UNREACHABLE,
    TransientReason.TIMEOUT,
    TransientReason.CUT,
    TransientReason.PORTAL,
}


class Backoff:
    """Of one target. A lane that fails holds up itself and the lanes below it, never those above."""

    def __init__(
        self,
        settings: DeliverySettings,
        monotonic: Callable[[], float],
        uniform: Callable[[float, float], float],
    ) -> None:
        """Begin without a failure.

        Args:
            settings: First wait and caps.
            monotonic: Steady clock, s; a wall clock may jump.
            uniform: Draws the jitter.
        """
        self._settings = settings
        self._monotonic = monotonic
        self._uniform = uniform
        self._failures = 0  # in a row
        self._lane = Lane.ALERT  # of the last of them
        self._retry_at = 0.0
        self._hurried_at = 0.0  # the earliest that an alert may bring it forward to

    def waits(self, lane: Lane) -> bool:
        """Whether a lane is not to be tried yet."""
        return lane >= self._lane and self._retry_at > self._monotonic()

    def delay(self) -> float:
        """Seconds until the lane that failed is tried again."""
        return max(0.0, self._retry_at - self._monotonic())

    def failed(self, lane: Lane, error: TransientDeliveryError) -> None:
        """Wait longer than the last time.

        Any time up to the doubled one (full jitter), so that a site's gateways do not come back in step. Where a
        person has to mend it, at least half of that; where the server named a time, not before that.
        """
        self._lane = lane
        first = self._settings.backoff.total_seconds()
        longest = self._settings.hold.total_seconds()
        if not error.hold:
            longest = min(first * 2.0 ** min(self._failures, 30), self._cap(error.reason))
        low, high = (longest / 2 if error.hold else 0.0), longest
        if error.retry_after is not None:
            low, high = error.retry_after, error.retry_after + first
        now = self._monotonic()
        self._retry_at = now + self._uniform(low, high)
        waits = error.hold or error.retry_after is not None or error.reason not in _OF_THE_LINK
        self._hurried_at = self._retry_at if waits else now + first
        self._failures += 1

    def hurry(self) -> None:
        """An alert has come: a link that was away is tried at once, but not twice within the first wait.

        What a person has to mend, and what a server asked to wait for, is not.
        """
        if self._lane is Lane.ALERT:  # else alerts do not wait for it anyway
            self._retry_at = min(self._retry_at, self._hurried_at)

    def worked(self, lane: Lane) -> None:
        """The link is up: whatever waits is tried at once, but a lane that fails all the same waits ever longer."""
        self._retry_at = 0.0
        if lane >= self._lane:
            self._failures = 0

    def _cap(self, reason: TransientReason) -> float:
        settings = self._settings
        longest = settings.backoff_cap
        match reason:
            case TransientReason.NO_LINK:  # costs nothing: nothing leaves this machine
                longest = min(longest, settings.no_link_cap)
            case TransientReason.UNREACHABLE | TransientReason.DNS:  # costs a packet or two
                longest = min(longest, settings.unreachable_cap)
            case _:
                pass
        return longest.total_seconds()
