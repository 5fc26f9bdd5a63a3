"""Looking around at a server: browse, attributes, and what it offers before there is a session. Nothing is written."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

from asyncua import Client, ua

from connectors.opcua.address import Identifier, NodeAddress
from connectors.opcua.nodes import Attribute, Page, Reading, Reference
from connectors.opcua.offers import Offer
from connectors.opcua.seam.channel import Channel
from connectors.opcua.seam.connect import new_client, offer_of
from connectors.opcua.seam.explain import explained
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.terms import ServerFacts

_KINDS = {int: "i", str: "s", bytes: "b"}  # any other identifier is a GUID
_CLASSES = ua.NodeClass.Object | ua.NodeClass.Variable
_TOLD = ua.BrowseResultMask.ReferenceTypeId | ua.BrowseResultMask.NodeClass | ua.BrowseResultMask.BrowseName


async def ask_offers(settings: OpcUaSettings) -> list[Offer]:
    """The endpoints of a server, asked without security: anybody on the way may have changed them.

    Args:
        settings: Only the endpoint and the time-outs are used.

    Raises:
        EndpointUnreachable, RequestRefused.
    """
    with explained(settings, "GetEndpoints", opening=True):
        endpoints = await new_client(settings).connect_and_get_server_endpoints()
    return [offer_of(endpoint) for endpoint in endpoints]


class ExploringChannel(Channel):
    """A channel whose session looks around; an `Explorer` once `enter` has been called."""

    def __init__(self, settings: OpcUaSettings, client: Client) -> None:
        super().__init__(settings, client)
        self._namespaces: tuple[str, ...] = ()

    async def enter(self) -> ServerFacts:
        """Create a session and learn the namespaces, whose indices hold for this session only.

        Raises:
            UserRejected, GatewayNotTrusted, PlaintextPassword, RequestRefused, LinkDown.
        """
        await self.create_session()
        facts = await self.read_facts()
        self._namespaces = facts.namespaces
        return facts

    async def browse(self, nodes: Sequence[NodeAddress], most: int) -> list[Page]:
        """See `Explorer`. Objects and variables, by hierarchical references."""
        request = ua.BrowseRequest()
        request.Parameters.RequestedMaxReferencesPerNode = most
        request.Parameters.NodesToBrowse = [
            ua.BrowseDescription(
                NodeId=self._node_id(node),
                BrowseDirection=ua.BrowseDirection.Forward,
                ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
                IncludeSubtypes=True,
                NodeClassMask=_CLASSES,
                ResultMask=_TOLD,
            )
            for node in nodes
        ]
        return self._pages((await self._ask(request, ua.BrowseResponse)).Results)

    async def browse_next(self, points: Sequence[bytes], *, release: bool) -> list[Page]:
        """See `Explorer`."""
        request = ua.BrowseNextRequest()
        request.Parameters.ReleaseContinuationPoints = release
        request.Parameters.ContinuationPoints = list(points)
        return self._pages((await self._ask(request, ua.BrowseNextResponse)).Parameters.Results)

    async def read_attributes(self, wanted: Sequence[tuple[NodeAddress, Attribute]]) -> list[Reading]:
        """See `Explorer`."""
        request = ua.ReadRequest()
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        request.Parameters.NodesToRead = [
            ua.ReadValueId(NodeId=self._node_id(node), AttributeId=ua.AttributeIds(attribute))
            for node, attribute in wanted
        ]
        return [self._reading(value) for value in (await self._ask(request, ua.ReadResponse)).Results]

    def _node_id(self, node: NodeAddress) -> Any:
        return ua.NodeId(node.identifier, self._namespaces.index(node.uri))

    def _address(self, node: Any) -> NodeAddress | None:
        """By namespace URI; None for a node of another server, or of a namespace that this one does not tell."""
        uri = getattr(node, "NamespaceUri", None)
        if getattr(node, "ServerIndex", None) or (not uri and node.NamespaceIndex >= len(self._namespaces)):
            return None
        identifier: Identifier = node.Identifier
        kind: Any = _KINDS.get(type(identifier), "g")
        return NodeAddress(uri or self._namespaces[node.NamespaceIndex], kind, identifier)

    def _pages(self, results: Any) -> list[Page]:
        return [
            Page(
                result.StatusCode.value,
                tuple(found for one in result.References or () if (found := self._reference(one)) is not None),
                result.ContinuationPoint or b"",
            )
            for result in results
        ]

    def _reference(self, described: Any) -> Reference | None:
        node = self._address(described.NodeId)
        if node is None:
            return None
        return Reference(
            node,
            described.BrowseName.Name or "",
            described.NodeClass == ua.NodeClass.Variable,
            described.ReferenceTypeId == ua.NodeId(ua.ObjectIds.HasProperty),
        )

    def _reading(self, value: Any) -> Reading:
        variant = value.Value
        empty = variant is None or variant.Value is None
        return Reading(
            None if empty else self._plain(variant.Value),
            "" if empty else getattr(variant.VariantType, "name", "?"),
            0 if value.StatusCode is None else value.StatusCode.value,
            _utc(value.SourceTimestamp),
            _utc(value.ServerTimestamp),
        )

    def _plain(self, value: Any) -> Any:
        """In plain Python, as `Reading` tells."""
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        if isinstance(value, ua.NodeId):
            return self._address(value)
        if isinstance(value, dt.datetime):
            return _utc(value)
        if isinstance(value, ua.Range):
            return value.Low, value.High
        if isinstance(value, ua.EUInformation):
            return value.DisplayName.Text or ""
        if isinstance(value, ua.QualifiedName):
            return value.Name or ""
        if isinstance(value, ua.LocalizedText):
            return value.Text or ""
        if isinstance(value, ua.StatusCode):
            return value.value
        if value is None or type(value) in {bool, int, float, str, bytes}:
            return value
        if isinstance(value, int):  # an enumeration of the standard
            return int(value)
        return type(value).__name__ if dataclasses.is_dataclass(value) else str(value)


def _utc(time: dt.datetime | None) -> dt.datetime | None:
    return None if time is None else time.replace(tzinfo=dt.UTC)
