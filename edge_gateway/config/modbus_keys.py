"""What the configuration calls the fields of an endpoint of Modbus, and refusals in its words."""

from __future__ import annotations

from connectors.modbus.endpoint import EndpointRejected

KEYS = {
    "stopbits": "stop_bits",
    "pinned_cert": "server_certificate",
    "cert_file": "certificate",
    "key_file": "private_key",
}
"""From fields to keys, where they differ."""


def in_keys(text: str) -> str:
    """A sentence about fields as one about keys."""
    for field, key in KEYS.items():
        text = text.replace(field, key)
    return text


def key_of(wrong: EndpointRejected) -> str:
    """The key at fault."""
    return KEYS.get(wrong.field, wrong.field)
