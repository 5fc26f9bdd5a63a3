"""Certificates that servers accept and keys that nobody else reads."""

from __future__ import annotations

import datetime as dt
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connectors.opcua.certificates import make_self_signed


def test_certificate_names_the_application_and_matches_its_key(tmp_path: Path) -> None:
    certificate_path, key_path = make_self_signed(
        tmp_path / "pki", "urn:host:sluicegate:one", ["localhost", "127.0.0.1"]
    )

    certificate = x509.load_der_x509_certificate(certificate_path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:host:sluicegate:one"]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    key = load_pem_private_key(key_path.read_bytes(), None)
    assert key.public_key() == certificate.public_key()
    assert certificate.not_valid_after_utc - dt.datetime.now(dt.UTC) > dt.timedelta(days=3640)


def test_key_is_readable_by_its_owner_only_also_when_it_replaces_an_open_one(tmp_path: Path) -> None:
    (tmp_path / "private_key.pem").write_text("old")
    (tmp_path / "private_key.pem").chmod(0o644)
    _, key_path = make_self_signed(tmp_path, "urn:x", ["localhost"], years=1)
    assert stat.S_IMODE(key_path.stat().st_mode) == 0o600


def test_no_hostname_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="hostnames"):
        make_self_signed(tmp_path, "urn:x", [])
