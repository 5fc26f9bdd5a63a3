"""The certificate of the simulated plant's OPC-UA server: made once in a folder, so that a client may pin it."""

from __future__ import annotations

import socket
from pathlib import Path

from connectors.opcua.certificates import CERTIFICATE_FILE, KEY_FILE, make_self_signed

HOST = "127.0.0.1"


def uri() -> str:
    """Application URI of the server."""
    return f"urn:{socket.gethostname()}:sluicegate:simulator"


def identity(folder: Path) -> tuple[Path, Path]:
    """Certificate and key in the folder, made where they are not there: a client that pinned it knows the plant again.

    Raises:
        OSError: The folder cannot be written.
    """
    certificate, key = folder / CERTIFICATE_FILE, folder / KEY_FILE
    if not (certificate.exists() and key.exists()):
        make_self_signed(folder, uri(), ["localhost", HOST, socket.gethostname()])
    return certificate, key
