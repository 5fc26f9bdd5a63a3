"""Is this the server we mean? Decided before a session exists, so before any credentials are sent.

Blocking file access: call it in a thread.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.errors import CertificateExpired, CertificateNotTrusted

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address | ipaddress.IPv4Network | ipaddress.IPv6Network

REJECTED = "rejected"
SUFFIXES = frozenset({".der", ".pem", ".crt", ".cer"})
MAX_REJECTED = 100  # files; a scanner must not fill the disk


def load_certificate(path: Path) -> x509.Certificate:
    """Read a certificate, DER or PEM."""
    content = path.read_bytes()
    return (
        x509.load_pem_x509_certificate(content)
        if content.startswith(b"-----")
        else x509.load_der_x509_certificate(content)
    )


def leaf(chain: bytes) -> bytes:
    """The first certificate of a chain of DER certificates: the length stands in its first four bytes."""
    return chain[: int.from_bytes(chain[2:4], "big") + 4]


def check_period(certificate: x509.Certificate, whose: str, now: dt.datetime) -> None:
    """Raise CertificateExpired unless it is valid at `now`."""
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise CertificateExpired(
            whose, certificate.not_valid_before_utc.isoformat(), certificate.not_valid_after_utc.isoformat()
        )


def check_pinned(shown: bytes, pinned: Path, endpoint: str, now: dt.datetime) -> None:
    """The server must show exactly this certificate.

    Raises:
        CertificateNotTrusted: It shows another one.
        CertificateExpired: It is the one, but not valid now.
    """
    if load_certificate(pinned).public_bytes(Encoding.DER) != shown:
        raise CertificateNotTrusted(
            endpoint, thumbprint(shown), f"expected is {pinned}; if the server was renewed, replace that file"
        )
    check_period(x509.load_der_x509_certificate(shown), endpoint, now)


def check_folder(shown: bytes, folder: Path, endpoint: str, host: str, now: dt.datetime) -> None:
    """The server's certificate, or that of the authority that issued it for this host, must be in the folder.

    A refused certificate is kept in `rejected/` inside of the folder: to trust it, move the file one folder up.

    Raises:
        CertificateNotTrusted: Neither is there (an empty or missing folder trusts nothing).
        CertificateExpired: The server's or the authority's certificate is not valid now.
    """
    certificate = x509.load_der_x509_certificate(shown)
    also = ""  # what else a person should know to heal it
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        try:
            trusted = load_certificate(path)
        except ValueError:  # one file that is none must not take the trust from the others
            also += f"; {path.name} holds no certificate"
            continue
        if trusted.public_bytes(Encoding.DER) == shown:
            check_period(certificate, endpoint, now)
            return
        if _issued_by(certificate, trusted):
            names, addresses = _hosts(certificate)
            if _is_one_of(host, names, addresses):
                check_period(trusted, f"authority {path.name}", now)
                check_period(certificate, endpoint, now)
                return
            told = ", ".join([*names, *map(str, addresses)]) or "no host"
            also += f"; {path.name} vouches for it as {told}, not as {host}"
    kept = _keep_rejected(shown, folder / REJECTED)
    raise CertificateNotTrusted(endpoint, thumbprint(shown), f"if it is the right one, move {kept} to {folder}{also}")


def _issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        if not authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        certificate.verify_directly_issued_by(authority)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return True


def _hosts(certificate: x509.Certificate) -> tuple[list[str], list[IPAddress]]:
    """DNS names, in small letters, and addresses: an authority vouches for these only."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [], []
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)], names.get_values_for_type(x509.IPAddress)


def _is_one_of(host: str, names: list[str], addresses: list[IPAddress]) -> bool:
    try:
        return ipaddress.ip_address(host) in addresses
    except ValueError:
        return host.lower() in names


def _keep_rejected(shown: bytes, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{thumbprint(shown)}.der"
    if not path.exists() and len(list(folder.iterdir())) < MAX_REJECTED:
        path.write_bytes(shown)
    return path


def thumbprint(shown: bytes) -> str:
    """SHA-1 over the DER bytes, as OPC-UA tools show it (OPC 10000-4, 7.2). Names, not proves."""
    digest = hashes.Hash(hashes.SHA1())  # noqa: S303  the standard's thumbprint; trust is decided on all bytes
    digest.update(shown)
    return digest.finalize().hex().upper()
