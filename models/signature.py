"""Who vouches for a bundle: Ed25519 (RFC 8032) over the manifest's bytes as they lie on the disk.

The manifest holds size and SHA-256 of every other file, so one signature covers the whole folder. It is judged before
the manifest is parsed and before any other file is opened: a bundle from a stranger is not even looked at.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from models.errors import KeyRefused

_KEY_BYTES = 32
_MOST_KEY_FILE = 16_384
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class TrustedKeys:
    """The public keys whose bundles are served; none = whoever can write the folder is believed.

    Args:
        texts: Each as `sluicegate model keygen` prints it: 32 bytes in Base64. Several serve while keys are changed.

    Raises:
        ValueError: One is no such key.
    """

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.texts = tuple(texts)
        self._keys = tuple(parse_public_key(text) for text in self.texts)

    def __bool__(self) -> bool:
        """Whether signatures are asked for."""
        return bool(self._keys)

    def vouch(self, message: bytes, signature: bytes) -> bool:
        """Whether one of the keys signed the message."""
        return any(_signed(key, message, signature) for key in self._keys)


def _signed(key: Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


ANYBODY = TrustedKeys()


def parse_public_key(text: str) -> Ed25519PublicKey:
    """A key as it stands in a configuration.

    Raises:
        ValueError: It is not 32 bytes in Base64.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES:
        msg = f"{text!r} is no Ed25519 public key, which is 32 bytes in Base64 (44 characters)"
        raise ValueError(msg)
    return Ed25519PublicKey.from_public_bytes(raw)


def public_text(key: Ed25519PrivateKey) -> str:
    """The public half, as it stands in a configuration."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def make_key(path: Path) -> Ed25519PrivateKey:
    """Make a private key and write it as PEM (PKCS 8), readable by its owner only, from the first moment on.

    Raises:
        KeyRefused: There is something at `path` already, or it cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise KeyRefused(path, "is there already, and bundles may be signed by it", "give another file") from error
    except OSError as error:
        raise KeyRefused(path, f"cannot be written ({error.strerror})", "name a file in a folder of yours") from error
    return key


def read_key(path: Path) -> Ed25519PrivateKey:
    """A private key from its file.

    Raises:
        KeyRefused: It is no Ed25519 key, or others than its owner can read it: then it vouches for nothing.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            mode = os.fstat(handle).st_mode
            data = file.read(_MOST_KEY_FILE) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise KeyRefused(path, f"cannot be read ({error.strerror})", "check path and permissions") from error
    if mode & _OTHERS:
        rule = f"can be read or written by others (mode {stat.S_IMODE(mode):04o})"
        raise KeyRefused(path, rule, f"run chmod 600 {path}, or make a new one if somebody may have seen it")
    try:
        key = serialization.load_pem_private_key(data, None)
    except TypeError as error:
        raise KeyRefused(path, "is locked by a passphrase", "give one without, on a medium of its own") from error
    except ValueError as error:
        raise KeyRefused(path, "is no private key in PEM", "make one with `sluicegate model keygen`") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyRefused(path, "is a key of another kind than Ed25519", "make one with `sluicegate model keygen`")
    return key
