"""Who a gateway is: to an OPC-UA server, and to whoever watches many of them.

In a bucket a gateway is its site and name; nothing else is in a key. What tells two that were given one name, or that
were made from one disk, is in their reports: an id of the data folder, made by chance, and the boot of the machine.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")  # random(4)
_LENGTH = 16


def application_uri(site: str, name: str) -> str:
    """The URI that must stand in the gateway's certificate."""
    return f"urn:sluicegate:{site}:{name}"


def gateway_id(path: Path) -> str:
    """Of a data folder; made at the first call, in one piece.

    Args:
        path: Where it is kept.

    Returns:
        16 hexadecimal digits; another one at each call where the folder cannot be written.
    """
    try:
        kept = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        kept = ""
    if len(kept) == _LENGTH and not set(kept) - set("0123456789abcdef"):
        return kept
    made = secrets.token_hex(_LENGTH // 2)
    part = path.with_suffix(".part")
    try:
        part.write_text(made + "\n", encoding="ascii")
        part.replace(path)
    except OSError:  # a full disk: reports matter more than who sends them
        return made
    return made


def boot_id(path: Path = _BOOT) -> str:
    """Of this boot of this machine, 8 hexadecimal digits; "" where the system does not say. Not the machine's id."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    except OSError:
        return ""
