"""Says which queues at the server lost values, and what to set so that they do not. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from connectors.opcua.settings import OpcUaSettings
from connectors.samples import Notice, NoticeKind

SAID_AGAIN = timedelta(minutes=10)  # an asset whose queues overflow all the time is told of this often
NAMED = 5  # tags in one notice


class Overflows:
    """What has been said about overflows so far."""

    def __init__(self, settings: OpcUaSettings, counts: NDArray[np.int64]) -> None:
        """Nothing was said yet.

        Args:
            settings: Handles are positions in its tags.
            counts: Overflows of every handle so far; only looked at here.
        """
        self._settings = settings
        self._counts = counts
        self._told = counts.copy()
        self._assets = np.array([tag.asset for tag in settings.tags])
        self._when: dict[str, int] = {}

    def by_tag(self) -> dict[str, int]:
        """Tag ("asset/tag") -> how often its queue had overflowed; only those that had."""
        tags = self._settings.tags
        return {f"{tags[i].asset}/{tags[i].tag}": int(self._counts[i]) for i in np.flatnonzero(self._counts)}

    def notices(self, now: int, event_time: dict[str, int]) -> Iterator[Notice]:
        """One for every asset with an overflow that was not told yet, at most every ten minutes each.

        Args:
            now: Wall clock, ns.
            event_time: Asset -> newest source time.
        """
        new = np.flatnonzero(self._counts != self._told)
        for asset in dict.fromkeys(self._assets[new].tolist()):
            if now - self._when.get(asset, -(1 << 62)) < SAID_AGAIN // timedelta(microseconds=1) * 1000:
                continue
            self._when[asset] = now
            handles = new[self._assets[new] == asset]
            self._told[handles] = self._counts[handles]
            time = event_time.get(asset, now)
            yield Notice(
                NoticeKind.OVERFLOW, asset, "server_queue", time, time, 0, self._settings.name, self._advice(handles)
            )

    def _advice(self, handles: NDArray[np.int64]) -> str:
        settings, tags = self._settings, self._settings.tags
        first = tags[handles[0]]
        names = ", ".join(tags[handle].tag for handle in handles[:NAMED]) + (", ..." if len(handles) > NAMED else "")
        ms = timedelta(milliseconds=1)
        return (
            f"The server's queue lost values of {len(handles)} tag{'s' if len(handles) > 1 else ''} ({names}). "
            f"Raise queue_size (now {settings.queue_of(first)}) or sampling_interval "
            f"(now {settings.sampling_of(first) / ms:g} ms), or lower publishing_interval "
            f"(now {settings.publishing_of(first) / ms:g} ms)."
        )
