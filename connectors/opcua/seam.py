"""The one door to the client side of asyncua. Written against asyncua 2.1.0.

Used of it: socket, secure channel, session, cryptography, encoding of requests. Not used: its subscriptions, its
publish loop and its reconnection (they can stall silently, and they re-create items by namespace index). Four names
are private there; `tests/connectors/opcua/test_seam.py` fails when one of them has moved:

- `UASocketProtocol._send_request`: a request without a deadline, answered by a future: the publish requests;
- `UASocketProtocol._connection._limits`: 2.1.0 takes the server's buffer sizes the wrong way round;
- `Client._server_nonce`, `Client._policy_ids`: what a session needs to be activated on another channel.

A `Channel` is one attempt: it is never used again after it broke.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from asyncua import Client, ua
from asyncua.client.ua_client import UASocketProtocol
from asyncua.crypto import security_policies
from asyncua.ua.ua_binary import struct_from_binary
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from connectors.errors import (
    ConnectorError,
    EndpointNotOffered,
    EndpointUnreachable,
    GatewayNotTrusted,
    LinkDown,
    PlaintextPassword,
    RequestRefused,
    UserRejected,
)
from connectors.opcua import codes, trust
from connectors.opcua.address import NodeAddress
from connectors.opcua.settings import OpcUaSettings

CLOSE_TIMEOUT_S = 2.0
CHANNEL_LIFETIME_MS = 3_600_000
_NODES_OF_SERVER = (  # read on every new session, in this order
    ua.ObjectIds.Server_NamespaceArray,
    ua.ObjectIds.Server_ServerStatus_CurrentTime,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
)


@dataclass(frozen=True, slots=True)
class HeldSession:
    """What another channel needs to take a session over. Opaque to everybody else."""

    token: Any
    nonce: Any
    policies: Any
    peer_certificate: Any


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says about itself.

    Attributes:
        namespaces: URIs; the position is the namespace index of this session.
        time: Its clock, ns since the epoch; None if it does not tell.
        max_read: Nodes in a read request; 0 = no limit told.
        max_items: Monitored items in a request; 0 = no limit told.
    """

    namespaces: tuple[str, ...]
    time: int | None
    max_read: int
    max_items: int


@dataclass(frozen=True, slots=True)
class SubscriptionTerms:
    """A subscription as the server revised it."""

    id: int
    interval_ms: float
    lifetime_count: int
    keepalive_count: int


@dataclass(frozen=True, slots=True)
class ItemRequest:
    """One monitored item to create."""

    handle: int
    node: NodeAddress
    sampling_ms: float
    queue_size: int


class Channel:
    """A secure channel and the session on it."""

    def __init__(self, settings: OpcUaSettings, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._protocol: UASocketProtocol | None = None
        self._timeout = settings.request_timeout.total_seconds()
        self.has_session = False

    @classmethod
    async def open(cls, settings: OpcUaSettings) -> Channel:
        """Connect, make sure of the server, open the secure channel. No session yet, no credentials sent.

        Raises:
            EndpointUnreachable, EndpointNotOffered, CertificateNotTrusted, CertificateExpired, GatewayNotTrusted.
        """
        logging.getLogger("asyncua").setLevel(logging.WARNING)  # at INFO it formats whole results: half of the time
        client = _new_client(settings)
        channel = cls(settings, client)
        with _explained(settings, "OpenSecureChannel", opening=True):
            if settings.policy != "None":
                policy = await channel._verified_policy()
                client.security_policy = policy
                client.uaclient.set_security(policy)
            try:
                await client.connect_socket()
                channel._protocol = client.uaclient.protocol
                acknowledged = await client.uaclient.send_hello(settings.endpoint)
                limits = client.uaclient.protocol._connection._limits  # noqa: SLF001  see the head of this file
                limits.max_recv_buffer = acknowledged.SendBufferSize
                limits.max_send_buffer = acknowledged.ReceiveBufferSize
                await client.open_secure_channel()
            except BaseException:
                channel.abort()
                raise
        return channel

    async def _verified_policy(self) -> Any:
        """Ask the server for its certificate, check it, and build the cryptography from it."""
        settings = self._settings
        offered = await _new_client(settings).connect_and_get_server_endpoints()
        wanted = getattr(security_policies, f"SecurityPolicy{settings.policy}")
        mode = getattr(ua.MessageSecurityMode, settings.mode)
        for endpoint in offered:
            if (
                endpoint.SecurityPolicyUri == wanted.URI
                and endpoint.SecurityMode == mode
                and endpoint.ServerCertificate
            ):
                shown = trust.leaf(endpoint.ServerCertificate)
                break
        else:
            names = sorted(
                {f"{e.SecurityPolicyUri.rpartition('#')[2]}/{e.SecurityMode.name.strip('_')}" for e in offered}
            )
            raise EndpointNotOffered(
                settings.endpoint, f"{settings.policy}/{settings.mode}", ", ".join(names) or "none"
            )
        return await asyncio.to_thread(_policy, settings, wanted, mode, shown)

    async def create_session(self) -> None:
        """Create and activate a session.

        Raises:
            UserRejected, GatewayNotTrusted, PlaintextPassword, RequestRefused, LinkDown.
        """
        with _explained(self._settings, "CreateSession", opening=True):
            await self._client.create_session()
        self.has_session = True
        await self._activate()

    async def resume(self, held: HeldSession) -> None:
        """Take over a session of an earlier channel (OPC 10000-4, 6.7). Raises as `create_session`."""
        client = self._client
        client.uaclient.session.restore_authentication_token(held.token)
        client._server_nonce = held.nonce  # noqa: SLF001
        client._policy_ids = held.policies  # noqa: SLF001
        if self._settings.policy == "None":
            client.security_policy.peer_certificate = held.peer_certificate
        await self._activate()
        self.has_session = True

    async def _activate(self) -> None:
        settings = self._settings
        if (
            settings.password is not None
            and not settings.allow_plaintext_password
            and settings.mode != "SignAndEncrypt"
        ):
            token = self._client.server_policy(ua.UserTokenType.UserName)
            if token.SecurityPolicyUri in (None, "", security_policies.SecurityPolicyNone.URI):
                raise PlaintextPassword(settings.endpoint)
        with _explained(settings, "ActivateSession", opening=True):
            await self._client.activate_session(username=settings.user, password=settings.password)

    def held_session(self) -> HeldSession:
        """What `resume` of the next channel needs."""
        client = self._client
        return HeldSession(
            client.uaclient.session.authentication_token,
            client._server_nonce,  # noqa: SLF001
            client._policy_ids,  # noqa: SLF001
            client.security_policy.peer_certificate,
        )

    async def read_facts(self) -> ServerFacts:
        """Namespaces, clock and operation limits."""
        nodes = [ua.NodeId(number, 0) for number in _NODES_OF_SERVER]
        with _explained(self._settings, "Read"):
            values = await self._client.uaclient.session.read_attributes(nodes, ua.AttributeIds.Value)
        namespaces, time, max_read, max_items = (value.Value.Value if value.Value else None for value in values)
        return ServerFacts(
            tuple(namespaces or ()),
            int(time.replace(tzinfo=dt.UTC).timestamp() * 1e6) * 1000 if isinstance(time, dt.datetime) else None,
            int(max_read or 0),
            int(max_items or 0),
        )

    async def create_subscription(
        self, interval_ms: float, lifetime_count: int, keepalive_count: int
    ) -> SubscriptionTerms:
        """Ask for a subscription; the answer says what the server made of it."""
        request = ua.CreateSubscriptionRequest()
        request.Parameters.RequestedPublishingInterval = interval_ms
        request.Parameters.RequestedLifetimeCount = lifetime_count
        request.Parameters.RequestedMaxKeepAliveCount = keepalive_count
        request.Parameters.MaxNotificationsPerPublish = 0  # as many as the server likes to send at once
        request.Parameters.PublishingEnabled = True
        result = (await self._ask(request, ua.CreateSubscriptionResponse)).Parameters
        return SubscriptionTerms(
            result.SubscriptionId,
            result.RevisedPublishingInterval,
            result.RevisedLifetimeCount,
            result.RevisedMaxKeepAliveCount,
        )

    async def modify_subscription(self, terms: SubscriptionTerms) -> SubscriptionTerms:
        """Ask for other counts at the same interval."""
        request = ua.ModifySubscriptionRequest()
        request.Parameters.SubscriptionId = terms.id
        request.Parameters.RequestedPublishingInterval = terms.interval_ms
        request.Parameters.RequestedLifetimeCount = terms.lifetime_count
        request.Parameters.RequestedMaxKeepAliveCount = terms.keepalive_count
        request.Parameters.MaxNotificationsPerPublish = 0
        result = (await self._ask(request, ua.ModifySubscriptionResponse)).Parameters
        return SubscriptionTerms(
            terms.id, result.RevisedPublishingInterval, result.RevisedLifetimeCount, result.RevisedMaxKeepAliveCount
        )

    async def create_items(
        self, subscription: int, items: Sequence[ItemRequest], namespaces: Sequence[str]
    ) -> list[int]:
        """Create monitored items in one call.

        Returns:
            A status code for each; what the server revises (sampling interval, queue size) is left to it.
        """
        request = ua.CreateMonitoredItemsRequest()
        request.Parameters.SubscriptionId = subscription
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        request.Parameters.ItemsToCreate = [
            ua.MonitoredItemCreateRequest(
                ItemToMonitor=_value_of(item.node, namespaces),
                MonitoringMode=ua.MonitoringMode.Reporting,
                RequestedParameters=ua.MonitoringParameters(
                    ClientHandle=item.handle,
                    SamplingInterval=item.sampling_ms,
                    QueueSize=item.queue_size,
                    DiscardOldest=True,
                ),
            )
            for item in items
        ]
        response = await self._ask(request, ua.CreateMonitoredItemsResponse)
        return [result.StatusCode.value for result in response.Results]

    async def read(self, nodes: Sequence[NodeAddress], namespaces: Sequence[str]) -> bytes:
        """Read values with both timestamps in one call; the answer as it came (`wire.read_read`)."""
        request = ua.ReadRequest()
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        request.Parameters.NodesToRead = [_value_of(node, namespaces) for node in nodes]
        return bytes(await self._ask_raw(request))

    async def republish(self, subscription: int, sequence: int) -> bytes:
        """Ask for a message again; the answer as it came (`wire.read_republish`)."""
        request = ua.RepublishRequest()
        request.Parameters.SubscriptionId = subscription
        request.Parameters.RetransmitSequenceNumber = sequence
        return bytes(await self._ask_raw(request))

    def publish(self, acknowledged: Sequence[tuple[int, int]]) -> asyncio.Future[Any]:
        """Send a publish request.

        Args:
            acknowledged: Pairs of subscription id and sequence number.

        Returns:
            A future whose result, turned to bytes, is for `wire.read_publish`. There is no deadline: the server answers
            when it has something to say.

        Raises:
            LinkDown: The connection is closed.
        """
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = [
            ua.SubscriptionAcknowledgement(SubscriptionId=subscription, SequenceNumber=sequence)
            for subscription, sequence in acknowledged
        ]
        with _explained(self._settings, "Publish"):
            answer: asyncio.Future[Any] = self._open_protocol()._send_request(request, 0)  # noqa: SLF001
            return answer

    @property
    def renew_after_s(self) -> float:
        """When to renew the security token: after 75 % of its lifetime (OPC 10000-4, 5.5.2.1)."""
        return float(self._client.secure_channel_timeout) / 1000 * 0.75

    async def renew(self) -> None:
        """Renew the security token of the channel."""
        with _explained(self._settings, "OpenSecureChannel"):
            await self._client.open_secure_channel(renew=True)
            self._client.uaclient.revolve_security_token()

    async def close(self) -> None:
        """Free session and subscription at the server, so far as it answers within two seconds; then abort."""
        with contextlib.suppress(ConnectorError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                with _explained(self._settings, "CloseSession"):
                    if self.has_session:
                        await self._client.uaclient.close_session(delete_subscriptions=True)
                    await self._client.close_secure_channel()
        self.abort()

    def abort(self) -> None:
        """Drop the connection without a word; the session stays at the server."""
        protocol, self._protocol = self._protocol, None
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()

    def _open_protocol(self) -> UASocketProtocol:
        if self._protocol is None:
            raise LinkDown(self._settings.endpoint, "connection closed")
        return self._protocol

    async def _ask_raw(self, request: Any) -> Any:
        with _explained(self._settings, type(request).__name__.removesuffix("Request")):
            return await self._open_protocol().send_request(request, self._timeout)

    async def _ask(self, request: Any, response: Any) -> Any:
        data = await self._ask_raw(request)
        with _explained(self._settings, type(request).__name__.removesuffix("Request")):
            return struct_from_binary(response, data)


def lost_answer(settings: OpcUaSettings, answer: asyncio.Future[Any]) -> ConnectorError | None:
    """Why a publish request will never be answered; None if it was."""
    if answer.cancelled():
        return LinkDown(settings.endpoint, "publish request cancelled")
    error = answer.exception()
    return None if error is None else LinkDown(settings.endpoint, f"{type(error).__name__}: {error}")


def code_name(code: int) -> str:
    """The standard's name of a status code."""
    name: str = ua.status_codes.get_name_and_doc(code)[0]
    return name


def _new_client(settings: OpcUaSettings) -> Client:
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
    key = settings.private_key.read_bytes()
    loaded = load_pem_private_key(key, None) if key.startswith(b"-----") else load_der_private_key(key, None)
    return policy(shown, own, loaded, mode)


def _value_of(node: NodeAddress, namespaces: Sequence[str]) -> Any:
    identifier = ua.NodeId(node.identifier, namespaces.index(node.uri))
    return ua.ReadValueId(NodeId=identifier, AttributeId=ua.AttributeIds.Value)


@contextlib.contextmanager
def _explained(settings: OpcUaSettings, request: str, *, opening: bool = False) -> Iterator[None]:
    """Turn what the library raises into this room's errors."""
    endpoint = settings.endpoint
    try:
        yield
    except ua.UaStatusCodeError as error:
        code = int(error.code)
        name = code_name(code)
        if code in codes.USER_REJECTED:
            raise UserRejected(endpoint, settings.user, name) from error
        if code in codes.CERTIFICATE_REJECTED:
            raise GatewayNotTrusted(endpoint, name) from error
        raise RequestRefused(endpoint, request, code, name) from error
    except AssertionError as error:  # 2.1.0: a server that closes the channel at once, for it does not trust us
        raise GatewayNotTrusted(endpoint, f"{request} was not answered") from error
    except (OSError, ua.UaError, struct.error, ValueError) as error:  # OSError: also every time-out
        detail = f"{request}: {type(error).__name__} {error}".rstrip()
        if opening:
            raise EndpointUnreachable(endpoint, detail) from error
        raise LinkDown(endpoint, detail) from error
