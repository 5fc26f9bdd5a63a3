"""How long certificates still hold, for `check --connect`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from cryptography import x509

from connectors.opcua.trust import load_certificate
from edge_gateway.commands.check_found import LinkFound

SOON_DAYS = 30  # one that ends before then is told as a problem: the other side must be taught a new one
OURS, THEIRS, USERS = "ours", "theirs", "the user's"
_FIXES = {
    OURS: "Move it and its key aside, make another with `sluicegate cert init`, and let the server trust it.",
    THEIRS: "Renew it there, then trust the new one here (OPC-UA: `sluicegate cert trust`).",
    USERS: "Have it renewed by whoever issued it.",
}


def check_file(found: LinkFound, whose: str, path: Path, now: dt.datetime) -> None:
    """Note how long the certificate in a file holds, or that there is none in it.

    Raises:
        OSError: It cannot be read.
    """
    try:
        certificate = load_certificate(path)
    except ValueError:
        found.add("certificate", whose, f"{path} holds none", "Name a certificate, PEM or DER.", path=str(path))
        return
    check_period(found, whose, certificate, now)


def check_period(found: LinkFound, whose: str, certificate: x509.Certificate, now: dt.datetime) -> None:
    """Note how long a certificate holds."""
    days = (certificate.not_valid_after_utc - now).days
    ends = certificate.not_valid_after_utc.date().isoformat()
    fix = _FIXES[whose] if days < SOON_DAYS else ""
    found.add("certificate", whose, f"valid until {ends}, {days} days", fix, days_left=days, ends=ends)
