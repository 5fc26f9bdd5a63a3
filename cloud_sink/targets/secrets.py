"""Credentials from files or the environment, read again once a file has changed. Never logged, never in an error."""

from __future__ import annotations

import configparser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from cloud_sink.errors import TransientDeliveryError, TransientReason
from cloud_sink.targets.sigv4 import Credentials

T = TypeVar("T")


class SecretFile(Generic[T]):
    """What a file holds, parsed; the file is looked at before every use."""

    def __init__(self, path: Path, parse: Callable[[str], T]) -> None:
        """Remember it; nothing is read yet.

        Args:
            path: Of the file.
            parse: Makes something of its text; ValueError or LookupError = it cannot, and says why without the secret.
        """
        self._path = path
        self._parse = parse
        self._seen: tuple[int, int, int] | None = None
        self._value: T

    def current(self) -> T:
        """What it holds now.

        Raises:
            TransientDeliveryError: It is missing or does not hold what it should; held until somebody mends it.
        """
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen != self._seen:
                self._value = self._parse(self._path.read_text(encoding="utf-8"))
                self._seen = seen
        except UnicodeDecodeError as error:
            raise _refused(f"{self._path} is not a text file") from error
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise _refused(f"{self._path}: {reason}") from error
        return self._value


def one_line(text: str) -> str:
    """A secret that is the whole file, without the line's end.

    Raises:
        ValueError: Empty, or not fit for a header.
    """
    secret = text.strip()
    if not secret or not secret.isascii() or not secret.isprintable():
        msg = "must hold one line of printable ASCII"
        raise ValueError(msg)
    return secret


def aws_profile(profile: str) -> Callable[[str], Credentials]:
    """A parser of AWS's shared credentials file: `[profile]`, `aws_access_key_id = ...` and so on."""

    def parse(text: str) -> Credentials:
        config = configparser.RawConfigParser()
        try:
            config.read_string(text)
        except configparser.Error as error:  # whose text repeats the line, secret and all
            msg = "is not in the form of an AWS credentials file"
            raise ValueError(msg) from error
        if not config.has_section(profile):
            msg = f"has no profile [{profile}]"
            raise ValueError(msg)
        return _credentials(config[profile], "aws_access_key_id", "aws_secret_access_key", "aws_session_token")

    return parse


def aws_environment(environment: Mapping[str, str]) -> Credentials:
    """From AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.

    Raises:
        TransientDeliveryError: One is missing.
    """
    try:
        return _credentials(environment, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    except ValueError as error:
        raise _refused(f"environment: {error}") from error


def named_file(environment: Mapping[str, str], variable: str) -> str:
    """Look whether a variable names a file that is there; "", since the library reads it by itself.

    Without one it would ask around: a service of the machine's, a folder of the user's.

    Raises:
        TransientDeliveryError: It does not.
    """
    name = environment.get(variable, "")
    if not name or not Path(name).is_file():
        raise _refused(f"environment: {variable} does not name a file")
    return ""


def _credentials(values: Mapping[str, str], access: str, secret: str, token: str) -> Credentials:
    for name in (access, secret):
        if not values.get(name):
            msg = f"{name} is missing"
            raise ValueError(msg)
    return Credentials(values[access].strip(), values[secret].strip(), values.get(token, "").strip())


def _refused(message: str) -> TransientDeliveryError:
    return TransientDeliveryError(TransientReason.CREDENTIALS, message, hold=True)
