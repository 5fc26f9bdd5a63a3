"""What the acquire process knows of one asset's stream: where it is silent and where it has holes. Pure."""

from __future__ import annotations

from connectors.samples import ACQUIRER_DOWN, Notice, NoticeKind

_SOURCE = "intake"


class AssetWatch:
    """Decides on GAP and IDLE notices. Times called `now` are monotonic seconds, all others ns since the epoch."""

    def __init__(
        self,
        asset: str,
        newest: int | None,
        idle_after_s: float,
        repeat_s: float,
        gap: str = ACQUIRER_DOWN,
    ) -> None:
        """Begin to watch.

        Args:
            asset: Its name.
            newest: Newest source time already in the journal; None or 0 where there is none.
            idle_after_s: Silence after which an asset is idle.
            repeat_s: Time between two IDLE notices while it stays so.
            gap: Why nothing came since then.
        """
        self._asset = asset
        self._newest = newest or 0
        self._gap = (gap, _SOURCE) if newest else None
        self._idle_after_s = idle_after_s
        self._repeat_s = repeat_s
        self._seen_at: float | None = None
        self._said_at = 0.0

    @property
    def newest(self) -> int:
        """Newest source time, ns; 0 where there is none."""
        return self._newest

    def idle_after(self, seconds: float) -> None:
        """From now on, silence is idleness after so long."""
        self._idle_after_s = seconds

    def expect_gap(self, reason: str, source: str) -> None:
        """Something is missing from here to the next block; an earlier, still open gap keeps its reason."""
        if self._gap is None and self._newest:
            self._gap = (reason, source)

    def on_block(self, newest: int, received_time: int, now: float) -> Notice | None:
        """A block comes; the notice, if any, belongs before it.

        Args:
            newest: Its newest source time, not later than it was received.
            received_time: Of the block.
            now: Monotonic seconds.
        """
        notice = None
        if self._gap is not None:
            reason, source = self._gap
            # A device whose clock was set back may now be behind the journal: a gap never ends before it starts
            end = max(received_time, self._newest)
            notice = Notice(NoticeKind.GAP, self._asset, reason, self._newest, end, 0, source)
            self._gap = None
        self._newest = max(self._newest, newest)
        self._seen_at = now
        return notice

    def on_time(self, now: float) -> Notice | None:
        """Time passes; an IDLE notice when one is due.

        Never before the first block since the start: until then nothing is known of how event time and ours relate.
        """
        if self._seen_at is None or now - self._seen_at < self._idle_after_s or now - self._said_at < self._repeat_s:
            return None
        self._said_at = now
        end = self._newest + round((now - self._seen_at) * 1e9)
        return Notice(NoticeKind.IDLE, self._asset, "idle", self._newest, end, 0, _SOURCE)
