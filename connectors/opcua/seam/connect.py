"""From an address to a secure channel with a server that is the one we mean. No session, no credentials yet."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from asyncua import Client, ua
from asyncua.client.ua_client import UASocketProtocol
from asyncua.crypto import security_policies
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from connectors.errors import EndpointNotOffered
from connectors.opcua import trust
from connectors.opcua.offers import Offer, best
from connectors.opcua.seam import private
from connectors.opcua.seam.explain import explained
from connectors.opcua.settings import OpcUaSettings

CHANNEL_LIFETIME_MS = 3_600_000


async def connect(settings: OpcUaSettings) -> Client:
    """Connect, make sure of the server, open the secure channel.

    Raises:
        EndpointUnreachable, EndpointNotOffered, CertificateNotTrusted, CertificateExpired, GatewayNotTrusted.
    """
    logging.getLogger("asyncua").setLevel(logging.WARNING)  # at INFO it formats whole results: half of the time
    client = new_client(settings)
    with explained(settings, "OpenSecureChannel", opening=True):
        if settings.policy != "None":
            policy = await _verified_policy(settings)
            client.security_policy = policy
            client.uaclient.set_security(policy)
        await client.connect_socket()
        protocol = client.uaclient.protocol
        try:
            acknowledged = await client.uaclient.send_hello(settings.endpoint)
            private.set_buffer_sizes(protocol, acknowledged)
            await client.open_secure_channel()
        except BaseException:  # cancellation too: the socket must not stay
            abort(protocol)
            raise
    return client


def abort(protocol: UASocketProtocol) -> None:
    """Drop the connection without a word."""
    if protocol.transport is not None:
        protocol.transport.abort()


async def _verified_policy(settings: OpcUaSettings) -> Any:
    """Ask the server for its certificate, check it, and build the cryptography from it."""
    endpoints = await new_client(settings).connect_and_get_server_endpoints()
    offers = [offer_of(endpoint) for endpoint in endpoints]
    chosen = best((offer for offer in offers if offer.certificate), settings.policy, settings.mode)
    if chosen is None:
        names = ", ".join(sorted({f"{offer.policy}/{offer.mode}" for offer in offers})) or "none"
        raise EndpointNotOffered(settings.endpoint, f"{settings.policy}/{settings.mode}", names)
    policy = getattr(security_policies, f"SecurityPolicy{chosen.policy}")
    mode = getattr(ua.MessageSecurityMode, chosen.mode)
    return await asyncio.to_thread(_policy, settings, policy, mode, chosen.certificate)


def offer_of(endpoint: Any) -> Offer:
    """An endpoint description in our words."""
    return Offer(
        endpoint.SecurityPolicyUri.rpartition("#")[2].replace("_", ""),
        endpoint.SecurityMode.name.strip("_"),
        trust.leaf(endpoint.ServerCertificate or b""),
    )


def new_client(settings: OpcUaSettings) -> Client:
    """A client of the library that does nothing by itself."""
    client = Client(settings.endpoint, timeout=settings.connect_timeout.total_seconds())
    client.application_uri = settings.application_uri
    client.name = client.description = f"Sluicegate {settings.name}"
    client.session_timeout = int(settings.session_timeout.total_seconds() * 1000)
    client.secure_channel_timeout = CHANNEL_LIFETIME_MS
    client.uaclient.pre_request_hook = None  # belongs to the library's reconnection, which is not used
    return client


def _policy(settings: OpcUaSettings, policy: Any, mode: Any, shown: bytes) -> Any:
    """Check both certificates, read the key. Blocking: files."""
    assert settings.certificate is not None
    assert settings.private_key is not None
    now = dt.datetime.now(dt.UTC)
    if settings.server_certificate is not None:
        trust.check_pinned(shown, settings.server_certificate, settings.endpoint, now)
    else:
        assert settings.trust_folder is not None
        host = urlsplit(settings.endpoint).hostname or ""
        trust.check_folder(shown, settings.trust_folder, settings.endpoint, host, now)
    own = trust.load_certificate(settings.certificate)
    trust.check_period(own, "this gateway", now)
    return policy(shown, own, _key(settings.private_key), mode)


def user_identity(certificate: Path, key: Path) -> tuple[Any, Any]:
    """Certificate and key of a user. Blocking: files.

    Raises:
        CertificateExpired: It is not valid now.
    """
    loaded = trust.load_certificate(certificate)
    trust.check_period(loaded, f"user {certificate.name}", dt.datetime.now(dt.UTC))
    return loaded, _key(key)


def _key(path: Path) -> Any:
    content = path.read_bytes()
    return load_pem_private_key(content, None) if content.startswith(b"-----") else load_der_private_key(content, None)
