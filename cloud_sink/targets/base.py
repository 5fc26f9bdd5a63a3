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
