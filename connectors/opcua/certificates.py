"""Self-signed application instance certificates (OPC 10000-6, 6.2.2), for the gateway and for the simulated plant."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KEY_BITS = 2048  # the smallest that all three Sha256 policies allow, and the most that small PLCs verify quickly
CERTIFICATE_FILE = "certificate.der"
KEY_FILE = "private_key.pem"
_SKEW = dt.timedelta(days=1)  # a server whose clock is a little behind must not call a new certificate "not yet valid"


def make_self_signed(
    folder: Path, application_uri: str, hostnames: Sequence[str], years: int = 10
) -> tuple[Path, Path]:
    """Make a key and a certificate for it. Existing files of that name are replaced.

    Ten years and not one: every server must be taught to trust a new certificate by hand.

    Args:
        folder: Where to write; made if absent, owner-only.
        application_uri: Goes into the subject alternative name; servers compare it with the URI of the session.
        hostnames: DNS names or IP addresses of this machine, at least one.
        years: Validity.

    Returns:
        Paths of the certificate (DER) and of the private key (PEM, unencrypted, mode 0600).
    """
    if not hostnames:
        msg = "hostnames: at least one DNS name or IP address is needed in an application certificate; give 'localhost'"
        raise ValueError(msg)
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"Sluicegate@{hostnames[0]}"[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sluicegate"),
        ]
    )
    now = dt.datetime.now(dt.UTC)
    alternative: list[x509.GeneralName] = [x509.UniformResourceIdentifier(application_uri)]
    alternative += [_general_name(host) for host in hostnames]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + dt.timedelta(days=365 * years))
        .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            # Self-signed, so it also signs itself: key_cert_sign (OPC 10000-6, table 48).
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                key_encipherment=True,
                data_encipherment=True,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate_path, key_path = folder / CERTIFICATE_FILE, folder / KEY_FILE
    _write(
        key_path,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        0o600,
    )
    _write(certificate_path, certificate.public_bytes(serialization.Encoding.DER), 0o644)
    return certificate_path, key_path


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file; it is never readable by others, not even for a moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
