from __future__ import annotations

from connectors.opcua.offers import Offer, best

OFFERS = [
    Offer("None", "None", b""),
    Offer("Basic256", "SignAndEncrypt", b"c"),
    Offer("Aes128Sha256RsaOaep", "SignAndEncrypt", b"c"),
    Offer("Basic256Sha256", "SignAndEncrypt", b"c"),
    Offer("Aes256Sha256RsaPss", "Sign", b"c"),
]


def test_the_strongest_of_the_mode_and_never_none() -> None:
    assert best(OFFERS, "best", "SignAndEncrypt") == OFFERS[3]
    assert best(OFFERS, "best", "Sign") == OFFERS[4]
    assert best(OFFERS[:2], "best", "SignAndEncrypt") is None
    assert best(OFFERS[:1], "best", "None") is None


def test_only_the_one_that_is_asked_for() -> None:
    assert best(OFFERS, "Aes128Sha256RsaOaep", "SignAndEncrypt") == OFFERS[2]
    assert best(OFFERS, "Aes128Sha256RsaOaep", "Sign") is None
