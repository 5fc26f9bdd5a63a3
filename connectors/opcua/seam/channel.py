"""A secure channel to a server, the session on it, and the services that a link asks for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Self

from asyncua import Client, ua
from asyncua.client.ua_client import UASocketProtocol
from asyncua.crypto import security_policies
from asyncua.ua.ua_binary import struct_from_binary

from connectors.errors import ConnectorError, LinkDown, PlaintextPassword
from connectors.opcua import codes
from connectors.opcua.address import NodeAddress
from connectors.opcua.path import BrowsePath
from connectors.opcua.seam import history, lookup, private, requests
from connectors.opcua.seam.connect import abort, connect, user_identity
from connectors.opcua.seam.explain import explained
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.terms import (
    HeldSession,
    HistoryRequest,
    ItemRequest,
    Node,
    RegisteredNode,
    ServerFacts,
    SubscriptionTerms,
)

CLOSE_TIMEOUT_S = 2.0
HISTORY_TIMEOUTS = 4  # request time-outs; a history is read from a disk


class Channel:
    """A secure channel and the session on it. One attempt: it is never used again after it broke."""

    def __init__(self, settings: OpcUaSettings, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._protocol: UASocketProtocol | None = client.uaclient.protocol
        self._timeout = settings.request_timeout.total_seconds()
        self.has_session = False

    @classmethod
    async def open(cls, settings: OpcUaSettings) -> Self:
        """Connect, make sure of the server, open the secure channel. No session yet, no credentials sent.

        Raises:
            EndpointUnreachable, EndpointNotOffered, CertificateNotTrusted, CertificateExpired, GatewayNotTrusted.
        """
        return cls(settings, await connect(settings))

    async def create_session(self) -> None:
        """Create and activate a session.

        Raises:
            UserRejected, GatewayNotTrusted, PlaintextPassword, RequestRefused, LinkDown.
        """
        with explained(self._settings, "CreateSession", opening=True):
            await self._client.create_session()
        self.has_session = True
        await self._activate()

    async def resume(self, held: HeldSession) -> None:
        """Take over a session of an earlier channel (OPC 10000-4, 6.7). Raises as `create_session`."""
        client = self._client
        client.uaclient.session.restore_authentication_token(held.token)
        private.take_over(client, held.nonce, held.policies)
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
        with explained(settings, "ActivateSession", opening=True):
            certificate = None
            if settings.user_certificate is not None and settings.user_key is not None:
                certificate, key = await asyncio.to_thread(user_identity, settings.user_certificate, settings.user_key)
                self._client.user_private_key = key
            await self._client.activate_session(settings.user, settings.password, certificate)

    def held_session(self) -> HeldSession:
        """What `resume` of the next channel needs."""
        client = self._client
        nonce, policies = private.session_secrets(client)
        token = client.uaclient.session.authentication_token
        return HeldSession(token, nonce, policies, client.security_policy.peer_certificate)

    async def read_facts(self) -> ServerFacts:
        """Namespaces, clock and operation limits."""
        with explained(self._settings, "Read"):
            values = await self._client.uaclient.session.read_attributes(lookup.FACTS, ua.AttributeIds.Value)
        return lookup.facts_of(values)

    async def spans(self, nodes: Sequence[NodeAddress], namespaces: Sequence[str]) -> list[float | None]:
        """Width of the EURange of each node; None for one that has none. One Translate and one Read."""
        request = lookup.properties(nodes, "EURange", namespaces)
        found = await self._ask(request, ua.TranslateBrowsePathsToNodeIdsResponse)
        targets = [lookup.only_target(result)[1] for result in found.Results]
        there = [target for target in targets if target is not None]
        with explained(self._settings, "Read"):
            session = self._client.uaclient.session
            ranges = iter(await session.read_attributes(there, ua.AttributeIds.Value) if there else ())
        return [None if target is None else lookup.span_of(next(ranges)) for target in targets]

    async def translate(self, paths: Sequence[BrowsePath], namespaces: Sequence[str]) -> list[NodeAddress | int]:
        """The node that each path leads to, or the status code that says why to none, in one call."""
        request = lookup.translate(paths, namespaces)
        found = await self._ask(request, ua.TranslateBrowsePathsToNodeIdsResponse)
        results = [lookup.only_target(result) for result in found.Results]
        return [code or lookup.address_of(target, namespaces) or codes.BAD_NODE_ID_UNKNOWN for code, target in results]

    async def register(self, nodes: Sequence[NodeAddress], namespaces: Sequence[str]) -> list[RegisteredNode]:
        """What the server wants the nodes to be called in this session."""
        answer = await self._ask(lookup.register(nodes, namespaces), ua.RegisterNodesResponse)
        return [RegisteredNode(node) for node in answer.Parameters.RegisteredNodeIds]

    async def create_subscription(
        self, interval_ms: float, lifetime_count: int, keepalive_count: int, priority: int
    ) -> SubscriptionTerms:
        """Ask for a subscription; the answer says what the server made of it."""
        request = requests.create_subscription(interval_ms, lifetime_count, keepalive_count, priority)
        result = (await self._ask(request, ua.CreateSubscriptionResponse)).Parameters
        return SubscriptionTerms(
            result.SubscriptionId,
            result.RevisedPublishingInterval,
            result.RevisedLifetimeCount,
            result.RevisedMaxKeepAliveCount,
        )

    async def modify_subscription(self, terms: SubscriptionTerms, priority: int) -> SubscriptionTerms:
        """Ask for other counts at the same interval."""
        request = requests.modify_subscription(terms, priority)
        result = (await self._ask(request, ua.ModifySubscriptionResponse)).Parameters
        return SubscriptionTerms(
            terms.id, result.RevisedPublishingInterval, result.RevisedLifetimeCount, result.RevisedMaxKeepAliveCount
        )

    async def delete_subscriptions(self, subscriptions: Sequence[int]) -> None:
        """Free subscriptions of this session; one that is gone already is fine."""
        await self._ask(requests.delete_subscriptions(subscriptions), ua.DeleteSubscriptionsResponse)

    async def create_items(
        self, subscription: int, items: Sequence[ItemRequest], namespaces: Sequence[str]
    ) -> list[int]:
        """Create monitored items in one call.

        Returns:
            A status code for each; what the server revises (sampling interval, queue size) is left to it.
        """
        request = requests.create_items(subscription, items, namespaces)
        response = await self._ask(request, ua.CreateMonitoredItemsResponse)
        return [result.StatusCode.value for result in response.Results]

    async def read(self, nodes: Sequence[Node], namespaces: Sequence[str]) -> bytes:
        """Read values with both timestamps in one call; the answer as it came (`wire.read_read`)."""
        return bytes(await self._ask_raw(requests.read(nodes, namespaces)))

    async def have_history(self, nodes: Sequence[Node], namespaces: Sequence[str]) -> list[bool]:
        """Whether each node says that its history may be read, in one call."""
        answer = await self._ask(history.read_attributes(nodes, namespaces), ua.ReadResponse)
        return history.has_history(answer.Results)

    async def read_history(self, asked: HistoryRequest) -> bytes:
        """Read histories in one call; the answer as it came (`wire.read_history`)."""
        request = history.read_raw(asked, release=False)
        return bytes(await self._ask_raw(request, HISTORY_TIMEOUTS * self._timeout))

    def release_history(self, asked: HistoryRequest) -> None:
        """Let the server forget continuation points. Nobody waits for its answer, and a closed channel has none."""
        if self._protocol is not None:
            with contextlib.suppress(ConnectorError), explained(self._settings, "HistoryRead"):
                answer = private.send(self._protocol, history.read_raw(asked, release=True))
                answer.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def republish(self, subscription: int, sequence: int) -> bytes:
        """Ask for a message again; the answer as it came (`wire.read_republish`)."""
        return bytes(await self._ask_raw(requests.republish(subscription, sequence)))

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
        request = requests.publish(acknowledged)
        with explained(self._settings, "Publish"):
            return private.send(self._open_protocol(), request)

    @property
    def renew_after_s(self) -> float:
        """When to renew the security token: after 75 % of its lifetime (OPC 10000-4, 5.5.2.1)."""
        return float(self._client.secure_channel_timeout) / 1000 * 0.75

    async def renew(self) -> None:
        """Renew the security token of the channel."""
        with explained(self._settings, "OpenSecureChannel"):
            await self._client.open_secure_channel(renew=True)
            self._client.uaclient.revolve_security_token()

    async def close(self) -> None:
        """Free session and subscription at the server, so far as it answers within two seconds; then abort."""
        try:
            with contextlib.suppress(ConnectorError, TimeoutError):  # it is being left: whatever it says, it is
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    with explained(self._settings, "CloseSession"):
                        if self.has_session:
                            await self._client.uaclient.close_session(delete_subscriptions=True)
                        await self._client.close_secure_channel()
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop the connection without a word; the session stays at the server."""
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            abort(protocol)

    def _open_protocol(self) -> UASocketProtocol:
        if self._protocol is None:
            raise LinkDown(self._settings.endpoint, "connection closed")
        return self._protocol

    async def _ask_raw(self, request: Any, timeout_s: float | None = None) -> Any:
        with explained(self._settings, type(request).__name__.removesuffix("Request")):
            return await self._open_protocol().send_request(request, timeout_s or self._timeout)

    async def _ask(self, request: Any, response: Any) -> Any:
        data = await self._ask_raw(request)
        with explained(self._settings, type(request).__name__.removesuffix("Request")):
            return struct_from_binary(response, data)
