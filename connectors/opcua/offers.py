"""What a server offers before there is a session, and which of it is best. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# From the strongest on (OPC 10000-7, 6.6.165 and following). The deprecated ones are not spoken.
POLICIES = ("Aes256Sha256RsaPss", "Basic256Sha256", "Aes128Sha256RsaOaep", "None")


@dataclass(frozen=True, slots=True)
class Offer:
    """One endpoint description.

    Attributes:
        policy: Security policy as the settings name it; one that is not spoken keeps the standard's name.
        mode: None, Sign, SignAndEncrypt.
        certificate: Of the server, DER; b"" = it shows none.
    """

    policy: str
    mode: str
    certificate: bytes


def best(offers: Iterable[Offer], policy: str, mode: str) -> Offer | None:
    """The strongest offer of this mode.

    Args:
        offers: Of one server.
        policy: Only this one; "best" = any but None.
        mode: As in `Offer`.
    """
    wanted = POLICIES[:-1] if policy == "best" else (policy,)
    fitting = [offer for offer in offers if offer.policy in wanted and offer.mode == mode]
    return min(fitting, key=lambda offer: wanted.index(offer.policy), default=None)
