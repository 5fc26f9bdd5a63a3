"""The certificates of a trust folder, and how one becomes trusted. Blocking file access.

A trusted certificate stands in the folder itself, one that was refused in `rejected/` below it (see `trust.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.opcua.trust import REJECTED, SUFFIXES, load_certificate, thumbprint


@dataclass(frozen=True, slots=True)
class Entry:
    """One file.

    Attributes:
        path: Of the file.
        is_trusted: It stands in the folder itself.
        certificate: None = the file holds none.
        thumbprint: SHA-1 in capital hex; "" without a certificate.
    """

    path: Path
    is_trusted: bool
    certificate: x509.Certificate | None
    thumbprint: str


def entries(folder: Path) -> list[Entry]:
    """All certificates, trusted ones first; [] where the folder is not there."""
    return [*_entries(folder, is_trusted=True), *_entries(folder / REJECTED, is_trusted=False)]


def accept(entry: Entry, folder: Path) -> Path:
    """Move a refused certificate up into the folder; returns where it stands now.

    Raises:
        OSError: The folder cannot be written.
    """
    return entry.path.replace(folder / entry.path.name)


def trust_shown(shown: bytes, folder: Path) -> Entry:
    """Trust a certificate (DER) that was not refused before.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{thumbprint(shown)}.der"
    path.write_bytes(shown)
    return Entry(path, is_trusted=True, certificate=x509.load_der_x509_certificate(shown), thumbprint=thumbprint(shown))


def _entries(folder: Path, *, is_trusted: bool) -> Iterator[Entry]:
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        try:
            certificate = load_certificate(path)
        except ValueError:
            yield Entry(path, is_trusted=is_trusted, certificate=None, thumbprint="")
        else:
            yield Entry(path, is_trusted, certificate, thumbprint(certificate.public_bytes(Encoding.DER)))
