"""What the acquire process asks of a driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from connectors.samples import Item
from connectors.tags import TagTable

# Called by a driver in its event loop for every block and notice. Never blocks, never raises: what does not fit is
# dropped by the receiver, who counts it.
Emit = Callable[[Item], None]


class Driver(Protocol):
    """One endpoint: sole owner of its connection and of reconnects."""

    @property
    def name(self) -> str:
        """Unique in the gateway; labels metrics, logs and notices."""
        ...

    @property
    def tables(self) -> Sequence[TagTable]:
        """The asset tables this driver fills (whole tables of the gateway; several drivers may share an asset)."""
        ...

    @property
    def trouble(self) -> str:
        """Why there is no link at the moment; "" while there is one or none was tried yet."""
        ...

    async def run(self, emit: Emit) -> None:
        """Acquire until cancelled.

        Trouble with the device or the link is never raised: it is retried with back-off, logged once per change of
        state, and shown in the data as bad status and gap notices.
        """
        ...

    def counters(self) -> Mapping[str, int]:
        """Monotonic counts since the start: "samples", "reconnects", "errors", ..."""
        ...
