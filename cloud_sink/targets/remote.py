"""What every target over HTTP shares: troubles become errors, bytes are counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from cloud_sink.errors import DeliveryError
from cloud_sink.outcomes import no_answer
from cloud_sink.targets.base import Fetched, Receipt
from cloud_sink.uplink.words import Door, LinkError

T = TypeVar("T")


class Dialect(Protocol):
    """How one kind of server is spoken to."""

    @property
    def name(self) -> str:
        """See `Target.name`."""
        ...

    def put(self, door: Door, key: str, data: bytes) -> Receipt:
        """Deliver and verify.

        Raises:
            DeliveryError: It is not proven to lie there.
            LinkError: There was no answer.
        """
        ...

    def replace(self, door: Door, key: str, data: bytes) -> Receipt:
        """As `put`, over what lies there."""
        ...

    def fetch(self, door: Door, key: str, most: int, tag: str) -> Fetched:
        """See `Shelf.fetch`; also LinkError."""
        ...


class RemoteTarget:
    """A `Target` behind a door."""

    def __init__(self, dialect: Dialect, door: Door) -> None:
        """Put them together; nothing is sent yet."""
        self._dialect = dialect
        self._door = door

    @property
    def name(self) -> str:
        """See `Target.name`."""
        return self._dialect.name

    def put(self, key: str, data: bytes) -> Receipt:
        """See `Target.put`."""
        receipt, wire = self._counted(lambda: self._dialect.put(self._door, key, data))
        return Receipt(receipt.sha256, receipt.repeat, wire)

    def replace(self, key: str, data: bytes) -> Receipt:
        """See `Shelf.replace`."""
        receipt, wire = self._counted(lambda: self._dialect.replace(self._door, key, data))
        return Receipt(receipt.sha256, receipt.repeat, wire)

    def fetch(self, key: str, most: int, tag: str = "") -> Fetched:
        """See `Shelf.fetch`."""
        found, wire = self._counted(lambda: self._dialect.fetch(self._door, key, most, tag))
        return Fetched(found.data, found.tag, wire)

    def _counted(self, act: Callable[[], T]) -> tuple[T, int]:
        before = self._door.sent
        try:
            try:
                done = act()
            except LinkError as error:
                raise no_answer(error, self.name) from error
        except DeliveryError as error:
            error.wire = self._door.sent - before
            raise
        return done, self._door.sent - before
