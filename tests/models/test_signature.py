"""Fault D1: a bundle that nobody trusted signed is refused before anything else of it is opened."""

from __future__ import annotations

import base64
import json
import shutil
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models import bundle as bundles
from models.bundle import CARD, GOLDEN, MANIFEST, MODEL, SIGNATURE, read_bundle, sign_bundle, verify_bundle
from models.errors import BundleRejected, KeyRefused
from models.onnx_scorer import OnnxScorer
from models.signature import TrustedKeys, make_key, public_text, read_key


@pytest.fixture
def path(report, tmp_path):
    return shutil.copytree(report.bundle, tmp_path / "bundle")


@pytest.fixture
def key():
    return Ed25519PrivateKey.generate()


def trusting(*keys):
    return TrustedKeys([public_text(key) for key in keys])


def test_a_signed_bundle_is_served(path, key):
    assert sign_bundle(path, key.sign).model == "press@1"
    assert verify_bundle(path, trusting(key)).model == "press@1"
    assert OnnxScorer.load(path, trusting(key)).manifest.model == "press@1"
    assert (path / SIGNATURE).stat().st_size == 64


def test_keys_can_be_changed_one_after_the_other(path, key):
    new = Ed25519PrivateKey.generate()
    sign_bundle(path, key.sign)
    assert verify_bundle(path, trusting(key, new))
    sign_bundle(path, new.sign)
    assert verify_bundle(path, trusting(key, new))
    with pytest.raises(BundleRejected, match=r"none of .* signed"):
        verify_bundle(path, trusting(key))


def test_without_keys_a_bundle_may_be_unsigned_and_its_signature_is_not_judged(path):
    assert verify_bundle(path)
    (path / SIGNATURE).write_bytes(b"whatever")
    assert verify_bundle(path)


def unsigned(path, key):
    pass


def by_a_stranger(path, key):
    sign_bundle(path, Ed25519PrivateKey.generate().sign)


def flipped(path, key):
    sign_bundle(path, key.sign)
    damaged = bytearray((path / SIGNATURE).read_bytes())
    damaged[7] ^= 1
    (path / SIGNATURE).write_bytes(damaged)


def cut(path, key):
    sign_bundle(path, key.sign)
    (path / SIGNATURE).write_bytes((path / SIGNATURE).read_bytes()[:63])


def longer(path, key):
    sign_bundle(path, key.sign)
    (path / SIGNATURE).write_bytes((path / SIGNATURE).read_bytes() + b"\0")


def other_manifest(path, key):
    sign_bundle(path, key.sign)
    manifest = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps({**manifest, "min_coverage": 0.0}))


def same_manifest_in_other_bytes(path, key):
    sign_bundle(path, key.sign)
    (path / MANIFEST).write_text(json.dumps(json.loads((path / MANIFEST).read_text())))


def of_another_bundle(path, key):
    (path / SIGNATURE).write_bytes(key.sign(b"{}"))


@pytest.mark.parametrize(
    "harm",
    [unsigned, by_a_stranger, flipped, cut, longer, other_manifest, same_manifest_in_other_bytes, of_another_bundle],
)
def test_d1_what_is_not_signed_by_a_trusted_key_is_refused_unopened(path, key, harm, monkeypatch):
    harm(path, key)
    opened = []
    read = bundles.read_file
    monkeypatch.setattr(bundles, "read_file", lambda file, most: opened.append(file.name) or read(file, most))
    monkeypatch.setattr(bundles, "decode_manifest", lambda data: pytest.fail("parsed before it was trusted"))
    with pytest.raises(BundleRejected, match="signed") as refusal:
        OnnxScorer.load(path, trusting(key))
    assert refusal.value.fix
    assert not {MODEL, GOLDEN, CARD} & set(opened)


@pytest.mark.parametrize("name", [MODEL, GOLDEN, CARD])
def test_d1_the_signature_covers_every_file(path, key, name):
    sign_bundle(path, key.sign)
    data = bytearray((path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (path / name).write_bytes(data)
    with pytest.raises(BundleRejected, match="SHA-256"):
        read_bundle(path, trusting(key))


def test_nobody_vouches_for_a_damaged_bundle(path, key):
    (path / MODEL).write_bytes(b"")
    with pytest.raises(BundleRejected, match="SHA-256"):
        sign_bundle(path, key.sign)
    assert not (path / SIGNATURE).exists()


def test_a_key_is_its_owners_only_and_read_back(tmp_path):
    made = make_key(tmp_path / "signing.pem")
    assert stat.S_IMODE((tmp_path / "signing.pem").stat().st_mode) == 0o600
    assert public_text(read_key(tmp_path / "signing.pem")) == public_text(made)
    assert len(base64.b64decode(public_text(made))) == 32
    with pytest.raises(KeyRefused, match="is there already"):
        make_key(tmp_path / "signing.pem")


def test_a_key_that_others_can_read_signs_nothing(tmp_path):
    make_key(tmp_path / "signing.pem")
    (tmp_path / "signing.pem").chmod(0o640)
    with pytest.raises(KeyRefused, match=r"mode 0640.*chmod 600"):
        read_key(tmp_path / "signing.pem")


def locked():
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )


def of_rsa():
    return rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [(locked, "passphrase"), (of_rsa, "another kind than Ed25519"), (lambda: b"text", "no private key in PEM")],
)
def test_what_is_no_key_of_ours_is_told(tmp_path, content, told):
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_bytes(content())
    with pytest.raises(KeyRefused, match=told):
        read_key(tmp_path / "key")


def test_an_absent_key_is_told(tmp_path):
    with pytest.raises(KeyRefused, match="cannot be read"):
        read_key(tmp_path / "none")
    with pytest.raises(KeyRefused, match="cannot be written"):
        make_key(tmp_path / "no" / "folder")


@pytest.mark.parametrize("text", ["", "x", "AAAA", base64.b64encode(bytes(31)).decode(), "ä" * 44])
def test_what_is_no_public_key_is_told(text):
    with pytest.raises(ValueError, match="32 bytes in Base64"):
        TrustedKeys([text])
