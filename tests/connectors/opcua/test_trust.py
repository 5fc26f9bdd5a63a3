"""Which server certificates are trusted."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from connectors.errors import CertificateExpired, CertificateNotTrusted
from connectors.opcua.trust import check_folder, check_pinned, leaf

NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
KEY, OTHER_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())


def _certificate(
    name: str = "server", issuer: str | None = None, key: ec.EllipticCurvePrivateKey = KEY, *, ca: bool = False
) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer or name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2025, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("plc.site")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def test_certificate_in_the_folder_is_trusted_whatever_its_host(tmp_path: Path) -> None:
    shown = _certificate()
    (tmp_path / "plc.der").write_bytes(shown)
    check_folder(shown, tmp_path, "plc", "10.0.0.1", NOW)


def test_pem_is_read_too(tmp_path: Path) -> None:
    shown = _certificate()
    (tmp_path / "plc.pem").write_bytes(x509.load_der_x509_certificate(shown).public_bytes(Encoding.PEM))
    check_pinned(shown, tmp_path / "plc.pem", "plc", NOW)


def test_authority_vouches_for_the_host_in_the_certificate_only(tmp_path: Path) -> None:
    (tmp_path / "ca.der").write_bytes(_certificate("ca", ca=True))
    shown = _certificate(issuer="ca")
    check_folder(shown, tmp_path, "plc", "PLC.site", NOW)
    with pytest.raises(CertificateNotTrusted, match=r"ca\.der vouches for it as plc\.site, not as other\.site"):
        check_folder(shown, tmp_path, "plc", "other.site", NOW)


def test_a_file_without_a_certificate_takes_no_trust_from_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----")
    shown = _certificate()
    with pytest.raises(CertificateNotTrusted, match=r"a\.pem holds no certificate"):
        check_folder(shown, tmp_path, "plc", "plc.site", NOW)
    (tmp_path / "b.der").write_bytes(shown)
    check_folder(shown, tmp_path, "plc", "plc.site", NOW)


@pytest.mark.parametrize(
    ("authority", "shown"),
    [
        (_certificate("ca", ca=False), _certificate(issuer="ca")),
        (_certificate("ca", ca=True), _certificate(issuer="ca", key=OTHER_KEY)),
        (_certificate("ca", ca=True), _certificate(issuer="another")),
    ],
    ids=["no authority", "forged signature", "another issuer"],
)
def test_not_issued_by_an_authority_of_the_folder(tmp_path: Path, authority: bytes, shown: bytes) -> None:
    (tmp_path / "ca.der").write_bytes(authority)
    with pytest.raises(CertificateNotTrusted):
        check_folder(shown, tmp_path, "plc", "plc.site", NOW)


def test_empty_or_missing_folder_trusts_nothing_and_keeps_what_was_shown(tmp_path: Path) -> None:
    shown = _certificate()
    with pytest.raises(CertificateNotTrusted) as refusal:
        check_folder(shown, tmp_path / "trust", "plc", "plc.site", NOW)
    (kept,) = (tmp_path / "trust" / "rejected").iterdir()
    assert kept.read_bytes() == shown
    assert str(kept) in str(refusal.value)
    assert refusal.value.thumbprint == kept.stem


def test_expired_and_not_yet_valid(tmp_path: Path) -> None:
    shown = _certificate()
    (tmp_path / "plc.der").write_bytes(shown)
    for now in (dt.datetime(2023, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)):
        with pytest.raises(CertificateExpired):
            check_folder(shown, tmp_path, "plc", "plc.site", now)
        with pytest.raises(CertificateExpired):
            check_pinned(shown, tmp_path / "plc.der", "plc", now)


def test_another_certificate_than_the_pinned_one(tmp_path: Path) -> None:
    (tmp_path / "plc.der").write_bytes(_certificate())
    with pytest.raises(CertificateNotTrusted, match="replace that file"):
        check_pinned(_certificate(), tmp_path / "plc.der", "plc", NOW)


def test_leaf_of_a_chain() -> None:
    first = _certificate()
    assert leaf(first + _certificate()) == first
