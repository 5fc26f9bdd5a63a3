"""What the deliverer asks of a place it delivers to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that an object lies at its target, byte for byte.

    Attributes:
        sha256: Of what was read back, or proven by the target's own digest, as hex.
        repeat: The object was there already.
        wire: Bytes handed to the network for it, with headers, without TLS and TCP; 0 where there is no network.
    """

    sha256: str
    repeat: bool = False
    wire: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was read from a target.

    Attributes:
        data: Content; None = it is what the caller has.
        tag: By which the target knows this content (ETag, RFC 9110 8.8.3); "" = it gives none.
        wire: Bytes handed to the network to ask for it; 0 where there is no network.
    """

    data: bytes | None
    tag: str = ""
    wire: int = 0


class Shelf(Protocol):
    """A target as a place that models lie in: what is there is read, and the little that changes is replaced."""

    @property
    def name(self) -> str:
        """See `Target.name`."""
        ...

    def fetch(self, key: str, most: int, tag: str = "") -> Fetched:
        """Read one object.

        Args:
            key: Which.
            most: Bytes; of a larger one no more than that is read.
            tag: Of what the caller has; "" = nothing.

        Raises:
            TransientDeliveryError: Not now; it may not be there (`TARGET_MISSING`).
            PermanentDeliveryError: It is larger.
        """
        ...

    def put(self, key: str, data: bytes) -> Receipt:
        """See `Target.put`."""
        ...

    def replace(self, key: str, data: bytes) -> Receipt:
        """As `put`, over what lies there."""
        ...


class Target(Protocol):
    """One place. `put` is idempotent: the same key with the same bytes again is a success."""

    @property
    def name(self) -> str:
        """Labels metrics and the egress ledger; without secrets."""
        ...

    def put(self, key: str, data: bytes) -> Receipt:
        """Write one object and verify it. Returns only when the local copy may be deleted.

        Raises:
            TransientDeliveryError: Not now; the deliverer comes again with the same key and bytes.
            PermanentDeliveryError: Never; the deliverer sets the batch aside.
        """
        ...
