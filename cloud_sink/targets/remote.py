"""What every target over HTTP shares: troubles become errors, bytes are counted."""

from __future__ import annotations

from typing import Protocol

from cloud_sink.errors import DeliveryError
from cloud_sink.outcomes import no_answer
from cloud_sink.targets.base import Receipt
from cloud_sink.uplink.words import Door, LinkError


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
        before = self._door.sent
        try:
            try:
                receipt = self._dialect.put(self._door, key, data)
            except LinkError as error:
                raise no_answer(error, self.name) from error
        except DeliveryError as error:
            error.wire = self._door.sent - before
            raise
        return Receipt(receipt.sha256, receipt.repeat, self._door.sent - before)
