"""`sluicegate cert`: our own certificate, and those of servers."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
import socket
from collections.abc import Sequence
from typing import Any

import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from rich.console import Console
from rich.text import Text

from connectors.opcua.certificates import CERTIFICATE_FILE, KEY_FILE, make_self_signed
from connectors.opcua.offers import POLICIES
from connectors.opcua.seam.explore import ask_offers
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.trust import load_certificate, thumbprint
from connectors.opcua.trust_list import Entry, accept, entries, trust_shown
from edge_gateway.commands.access import probe, uri_of
from edge_gateway.commands.folders import Folders
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import printable
from edge_gateway.exit_codes import Exit

HEAD = ("state", "thumbprint", "subject", "uri", "valid until", "file")
SHORTEST = 8  # digits of a thumbprint


def make(folders: Folders, hosts: Sequence[str]) -> int:
    """Make our certificate and show it.

    Raises:
        Refusal: There is one.
    """
    for path in (folders.identity / CERTIFICATE_FILE, folders.identity / KEY_FILE):
        if path.exists():
            rule = "is there already, and servers may trust it"
            raise Refusal("certificate", str(path), rule, "To make a new one, move the old files away first.")
    make_self_signed(folders.identity, folders.uri, list(hosts) or [socket.gethostname()])
    return show_own(folders, as_json=False)


def show_own(folders: Folders, *, as_json: bool) -> int:
    """Show our certificate.

    Raises:
        Refusal: There is none.
    """
    path = folders.identity / CERTIFICATE_FILE
    if not path.exists():
        fix = f"Make one: sluicegate cert init{folders.identity_options}."
        raise Refusal("certificate", str(path), "is not there", fix)
    try:
        certificate = load_certificate(path)
    except ValueError as error:
        raise Refusal("certificate", str(path), f"is none: {error}", "Put the right one there.") from error
    facts = {**_facts(certificate), "file": str(path), "key": str(folders.identity / KEY_FILE)}
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        for name, value in facts.items():
            text = ", ".join(value) if isinstance(value, list) else str(value)
            typer.echo(f"{name.replace('_', ' '):<12}{printable(text)}")
    return Exit.OK


def list_all(folders: Folders, *, as_json: bool) -> int:
    """List trusted and refused certificates."""
    found = entries(folders.trusted)
    if as_json:
        listed = [
            {
                "state": _state(entry),
                **(_facts(entry.certificate) if entry.certificate else {}),
                "file": str(entry.path),
            }
            for entry in found
        ]
        typer.echo(json.dumps(listed, indent=2))
    elif not found:
        typer.echo(f"{folders.trusted}: no certificates; no server is trusted")
    elif (console := Console()).is_terminal:
        for entry in found:
            state, digits, subject, uri, until, file = _row(entry)
            style = "green" if entry.is_trusted else "yellow"
            console.print(Text.assemble((f"{state:<11}", style), (digits, "bold")), soft_wrap=True)
            console.print(Text(f"           {subject}, {uri}, until {until}\n           {file}", "dim"), soft_wrap=True)
    else:
        for row in (HEAD, *(_row(entry) for entry in found)):
            typer.echo("\t".join(row))
    return Exit.OK


def trust_one(which: str, folders: Folders, timeout: float) -> int:
    """Trust a certificate by its thumbprint, or the one that a server shows now.

    Raises:
        Refusal: There is no such certificate, or more than one.
        EndpointUnreachable, RequestRefused: The server could not be asked.
    """
    known = [entry for entry in entries(folders.trusted) if entry.certificate is not None]
    if which.startswith("opc.tcp://"):
        shown = asyncio.run(_shown_by(probe(which, timeout)))
        digits = thumbprint(shown)
        fitting = [entry for entry in known if entry.thumbprint == digits]
        if not fitting:  # never refused before, so there is nothing to move
            fitting = [trust_shown(shown, folders.trusted)]
    else:
        digits = re.sub(r"[\s:]", "", which).upper()
        if not re.fullmatch(r"[0-9A-F]+", digits) or not SHORTEST <= len(digits) <= 40:
            rule = f"is neither opc.tcp://... nor {SHORTEST} to 40 hexadecimal digits"
            raise Refusal("THUMBPRINT|ENDPOINT", which, rule, "See `sluicegate cert list`.")
        fitting = [entry for entry in known if entry.thumbprint.startswith(digits)]
    if len({entry.thumbprint for entry in fitting}) != 1:
        rule = "begins several certificates" if fitting else f"is no certificate of {folders.trusted}"
        raise Refusal("thumbprint", digits, rule, f"See `sluicegate cert list{folders.trust_options}`.")
    entry = fitting[0]  # trusted ones come first
    path = entry.path if entry.is_trusted else accept(entry, folders.trusted)
    assert entry.certificate is not None
    subject = printable(entry.certificate.subject.rfc4514_string())
    typer.echo(f"trusted: SHA-1 {entry.thumbprint}, {subject}, {path}")
    typer.echo("Compare the thumbprint with what the device itself shows, if you have not.")
    return Exit.OK


async def _shown_by(settings: OpcUaSettings) -> bytes:
    """The certificate of a server, asked without security: whoever answers is believed."""
    offers = await ask_offers(settings)
    shown = dict.fromkeys(offer.certificate for offer in offers if offer.policy in POLICIES and offer.certificate)
    if len(shown) != 1:
        rule = f"shows {len(shown)} different certificates" if shown else "shows no certificate"
        fix = "Connect with --policy and --mode, then trust the one that was refused." if shown else ""
        raise Refusal("endpoint", settings.endpoint, rule, fix, Exit.FAILED)
    return next(iter(shown))


def _state(entry: Entry) -> str:
    return "unreadable" if entry.certificate is None else "trusted" if entry.is_trusted else "rejected"


def _row(entry: Entry) -> tuple[str, ...]:
    if entry.certificate is None:
        return (_state(entry), "", "", "", "", str(entry.path))
    facts = _facts(entry.certificate)
    told = (facts["subject"], facts["uri"], facts["valid_until"])
    return (_state(entry), entry.thumbprint, *(printable(text) for text in told), str(entry.path))


def _facts(certificate: x509.Certificate) -> dict[str, Any]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        hosts: list[str] = []
    else:
        addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
        hosts = [*names.get_values_for_type(x509.DNSName), *addresses]
    return {
        "thumbprint": thumbprint(certificate.public_bytes(Encoding.DER)),
        "sha256": certificate.fingerprint(hashes.SHA256()).hex().upper(),
        "subject": certificate.subject.rfc4514_string(),
        "uri": uri_of(certificate),
        "hosts": hosts,
        "valid_from": _day(certificate.not_valid_before_utc),
        "valid_until": _day(certificate.not_valid_after_utc),
    }


def _day(time: dt.datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
