"""From the options of a command to a session in which one looks around, and from errors to what a person reads."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import typer
from cryptography import x509

from connectors.errors import (
    CertificateNotTrusted,
    ConnectorError,
    EndpointNotOffered,
    EndpointUnreachable,
    GatewayNotTrusted,
    SecurityRefused,
)
from connectors.opcua.certificates import CERTIFICATE_FILE, KEY_FILE
from connectors.opcua.offers import best
from connectors.opcua.seam.explore import ExploringChannel, ask_offers
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.terms import ServerFacts
from connectors.opcua.trust import REJECTED, load_certificate
from edge_gateway.commands.folders import Folders
from edge_gateway.commands.refusal import Refusal
from edge_gateway.exit_codes import Exit

LINK = "command"  # name of the link in settings; a server may show it as the client's


@dataclass(frozen=True, slots=True)
class Access:
    """How to get into a server; see `options.py`."""

    endpoint: str
    folders: Folders
    policy: str
    mode: str
    insecure: bool
    user: str | None
    password_file: Path | None
    timeout: float


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is open."""

    channel: ExploringChannel
    facts: ServerFacts
    settings: OpcUaSettings


def with_session(access: Access, work: Callable[[Session], Awaitable[int]], check: Callable[[], object]) -> int:
    """Open a session, do the work, close it; returns the exit code. What goes wrong is told on standard error.

    Args:
        access: To the server.
        work: What to do there.
        check: Called first; raises `Refusal` when asking the server would be in vain.
    """

    async def whole() -> int:
        check()
        async with opened(await _secured(access)) as session:
            return await work(session)

    return told(lambda: asyncio.run(whole()), access.folders)


def told(work: Callable[[], int], folders: Folders) -> int:
    """Do the work; what goes wrong becomes a message and an exit code."""
    try:
        return work()
    except Refusal as refusal:
        typer.echo(str(refusal), err=True)
        return refusal.exit_code
    except ConnectorError as error:
        typer.echo(explained(error, folders), err=True)
        return Exit.CONFIG if isinstance(error, SecurityRefused) else Exit.FAILED
    except OSError as error:
        typer.echo(str(Refusal(error.filename or "file", None, f"failed: {error.strerror}", "")), err=True)
        return Exit.CONFIG


def probe(endpoint: str, timeout: float) -> OpcUaSettings:
    """Settings that are good for asking what a server offers, and no more.

    Raises:
        Refusal: An endpoint that cannot be.
    """
    return _settings(endpoint=endpoint, application_uri="urn:sluicegate", policy="None", mode="None", timeout=timeout)


@contextlib.asynccontextmanager
async def opened(settings: OpcUaSettings) -> AsyncIterator[Session]:
    """A session for looking around, until the block ends.

    Raises:
        ConnectorError: What stood in the way.
    """
    _hush()
    channel: ExploringChannel | None = None
    seconds = (settings.connect_timeout + 3 * settings.request_timeout).total_seconds()
    try:
        try:
            async with asyncio.timeout(seconds):
                channel = await ExploringChannel.open(settings)
                facts = await channel.enter()
        except TimeoutError as error:
            raise EndpointUnreachable(settings.endpoint, f"no session within {seconds:g} s") from error
        yield Session(channel, facts, settings)
    finally:
        if channel is not None:
            await channel.close()


def _hush() -> None:
    """The library speaks of matters that are told here better."""
    library = logging.getLogger("asyncua")
    if not library.handlers:
        library.addHandler(logging.NullHandler())


async def _secured(access: Access) -> OpcUaSettings:
    """Settings with the policy that is asked for, or the best that is offered."""
    if (access.user is None) != (access.password_file is None):
        raise Refusal("--user, --password-file", None, "go together", "Give both or neither.")
    password = access.password_file.read_text(encoding="utf-8").removesuffix("\n") if access.password_file else None
    first = probe(access.endpoint, access.timeout)
    if access.insecure:
        if password is not None:
            rule = "would send the password readable"
            raise Refusal("--insecure", None, f"with --user {access.user} {rule}", "Leave one of them out.")
        return first
    own, key = access.folders.identity / CERTIFICATE_FILE, access.folders.identity / KEY_FILE
    if not (own.exists() and key.exists()):
        fix = f"Make one: sluicegate cert init{access.folders.identity_options} (or connect with --insecure)."
        raise Refusal("certificate", str(own), "is not there, and a secured connection needs it", fix)
    policy = access.policy
    if policy == "best":
        offers = await ask_offers(first)
        offer = best(offers, policy, access.mode)
        if offer is None:
            names = ", ".join(sorted({f"{one.policy}/{one.mode}" for one in offers})) or "nothing"
            raise EndpointNotOffered(access.endpoint, f"a policy with {access.mode}", names)
        policy = offer.policy
    return _settings(
        endpoint=access.endpoint,
        application_uri=uri_of(load_certificate(own)),
        policy=policy,
        mode=access.mode,
        certificate=own,
        private_key=key,
        trust_folder=access.folders.trusted,
        user=access.user,
        password=password,
        timeout=access.timeout,
    )


def _settings(*, timeout: float, **values: object) -> OpcUaSettings:
    deadline = timedelta(seconds=timeout)
    try:
        return OpcUaSettings(name=LINK, connect_timeout=deadline, request_timeout=deadline, **values)  # type: ignore[arg-type]
    except ValueError as error:
        key, _, rest = str(error).partition(": ")[2].partition(" = ")  # without the name of a link that nobody gave
        value, _, rule = rest.partition(": ")
        raise Refusal(key, value, rule, "") from error


def uri_of(certificate: x509.Certificate) -> str:
    """Application URI of a certificate, "" = it has none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return next(iter(names.get_values_for_type(x509.UniformResourceIdentifier)), "")


def explained(error: ConnectorError, folders: Folders) -> str:
    """The error, and the command that helps."""
    if isinstance(error, CertificateNotTrusted):
        kept = folders.trusted / REJECTED / f"{error.thumbprint}.der"
        if not kept.exists():
            return f"{error}. It was not kept, for {kept.parent} is full; remove what is old there."
        return (
            f"{error.endpoint}: shows a certificate that is not trusted: SHA-1 {error.thumbprint}, "
            f"{load_certificate(kept).subject.rfc4514_string()}. It was kept in {kept}. "
            "If the device itself shows this thumbprint, trust it:\n"
            f"  sluicegate cert trust {error.thumbprint}{folders.trust_options}"
        )
    if isinstance(error, GatewayNotTrusted):
        own = folders.identity / CERTIFICATE_FILE
        return f"{error}. It is {own}; its thumbprint: sluicegate cert show{folders.identity_options}"
    if isinstance(error, EndpointNotOffered):
        return f"{error}, by --policy and --mode, or --insecure for None."
    return f"{error}."
