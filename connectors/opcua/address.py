"""Node addresses that survive a server's restart: by namespace URI, never by namespace index.

The index of a namespace may change at any restart of a server, and the old index may then hold another variable of the
same identifier. So indices are not accepted in a configuration, except namespace 0, which is the standard's own.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from dataclasses import dataclass
from typing import Literal

_WITH_URI = re.compile(r"nsu=(?P<uri>.+?);(?P<kind>[isgb])=(?P<text>.+)", re.DOTALL)
_STANDARD = re.compile(r"(?P<kind>[isgb])=(?P<text>.+)", re.DOTALL)
STANDARD_NAMESPACE = "http://opcfoundation.org/UA/"

Identifier = int | str | uuid.UUID | bytes


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """A node by namespace URI and identifier (OPC 10000-6, 5.3.1.10)."""

    uri: str
    kind: Literal["i", "s", "g", "b"]
    identifier: Identifier


def parse_node(text: str) -> NodeAddress:
    """Read "nsu=<uri>;s=<name>" (or i=, g=, b=), or "i=2258" for a node of the standard's own namespace.

    Raises:
        ValueError: With what was expected.
    """
    match = _WITH_URI.fullmatch(text) or _STANDARD.fullmatch(text)
    if match is None:
        hint = "a namespace index may change when the server restarts; " if text.startswith("ns=") else ""
        msg = f"node {text!r}: {hint}write nsu=<namespace uri>;s=<identifier> (or i=, g=, b=)"
        raise ValueError(msg)
    parts = match.groupdict()
    kind = parts["kind"]
    try:
        identifier = _identifier(kind, parts["text"])
    except (ValueError, binascii.Error) as error:
        msg = f"node {text!r}: {parts['text']!r} is no identifier of kind {kind!r} ({error})"
        raise ValueError(msg) from None
    return NodeAddress(parts.get("uri", STANDARD_NAMESPACE), kind, identifier)  # type: ignore[arg-type]


def node_text(address: NodeAddress) -> str:
    """What `parse_node` reads: "nsu=<uri>;s=<name>", or "i=2258" for a node of the standard's own namespace."""
    identifier = address.identifier
    text = base64.b64encode(identifier).decode() if isinstance(identifier, bytes) else str(identifier)
    head = "" if address.uri == STANDARD_NAMESPACE else f"nsu={address.uri};"
    return f"{head}{address.kind}={text}"


def _identifier(kind: str, text: str) -> Identifier:
    if kind == "i":
        number = int(text)
        if not 0 <= number <= 0xFFFF_FFFF:
            msg = "must fit 32 bits"
            raise ValueError(msg)
        return number
    if kind == "g":
        return uuid.UUID(text)
    if kind == "b":
        return base64.b64decode(text, validate=True)
    return text
