"""What a link tells the driver that owns it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from connectors.opcua.columns import Values
from connectors.samples import Origin


class LinkEvents(Protocol):
    """What a link tells its owner, in the event loop, in order. Nothing of it may block or raise."""

    def received(self, values: Sequence[Values], origin: Origin) -> None:
        """Values of one message."""

    def refused(self, refusals: dict[int, int], server_time: int | None) -> None:
        """Handle -> status code of the items that the server would not monitor; its clock in ns, if it tells."""

    def deadbands(self, bands: dict[int, float]) -> None:
        """Handle -> width of the deadbands that the server does not apply; 0: it cannot be, the EURange is unknown."""

    def read(self, values: Values) -> None:
        """Values that were asked for: they hold at this moment."""

    def anew(self, server_time: int | None) -> None:
        """A new session begins. Whatever the one before it had not told yet is lost.

        Args:
            server_time: The server's clock, ns; None if it does not tell.
        """

    def missed(self, handles: Collection[int]) -> None:
        """Messages are lost for good; what comes next of these tags follows upon a hole."""

    def settled(self) -> Sequence[int]:
        """What the server had kept has arrived, once a link. Returns handles whose values shall be read now."""
