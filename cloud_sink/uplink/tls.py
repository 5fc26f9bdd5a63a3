"""Whom the door trusts and who it says it is; and what went wrong when TLS did not come about.

There is no way to switch the check of the server's certificate off.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from cloud_sink.uplink.words import LinkError, Trouble

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_VERIFY = {
    9: Trouble.TLS_NOT_YET_VALID,
    10: Trouble.TLS_EXPIRED,
    18: Trouble.TLS_UNTRUSTED,
    19: Trouble.TLS_UNTRUSTED,
    20: Trouble.TLS_UNTRUSTED,
    21: Trouble.TLS_UNTRUSTED,
    62: Trouble.TLS_NAME,
    64: Trouble.TLS_NAME,
}
# Alerts of RFC 8446 6.2, sent by the server, that are about our certificate.
_OURS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")


@dataclass(frozen=True, slots=True)
class Trust:
    """Files in PEM.

    Attributes:
        ca_file: Whom to trust; None = what the system trusts.
        certificate: Ours, for servers that want one (mTLS).
        private_key: Of it; None = in the same file.
    """

    ca_file: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None


class TlsContext:
    """A context made from the files as they are now: a renewed certificate needs no restart."""

    def __init__(self, trust: Trust) -> None:
        """Remember the names; nothing is read yet."""
        self._trust = trust
        self._files = [file for file in (trust.ca_file, trust.certificate, trust.private_key) if file is not None]
        self._seen: list[tuple[int, int, int]] = []
        self._context: ssl.SSLContext | None = None

    def current(self) -> ssl.SSLContext:
        """The context; a new one once a file has changed.

        Raises:
            LinkError: A file is missing or is not what it should be.
        """
        try:
            seen = [(stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in (file.stat() for file in self._files)]
            if self._context is None or seen != self._seen:
                self._context = self._make()
                self._seen = seen
        except (ssl.SSLError, OSError) as error:
            names = ", ".join(map(str, self._files))
            raise LinkError(Trouble.TLS_OURS, f"cannot use {names}: {error}") from error
        return self._context

    def _make(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._trust.ca_file)
        if self._trust.certificate is not None:
            # A key with a passphrase would ask on the terminal: it is told to be wrong instead.
            context.load_cert_chain(self._trust.certificate, self._trust.private_key, password=lambda: "")
        return context


def tls_trouble(error: ssl.SSLError) -> Trouble:
    """What an error of TLS means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY.get(error.verify_code, Trouble.TLS_UNTRUSTED)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Trouble.CUT
    reason = error.reason or ""
    return Trouble.TLS_OURS if "ALERT" in reason and any(word in reason for word in _OURS) else Trouble.TLS_OTHER
