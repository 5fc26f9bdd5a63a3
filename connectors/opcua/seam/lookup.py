"""What is asked of a server before its values are: facts, properties, paths; and what its answers mean. Pure."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Sequence
from typing import Any, Literal

from asyncua import ua

from connectors.opcua import codes
from connectors.opcua.address import NodeAddress
from connectors.opcua.path import BrowsePath
from connectors.opcua.terms import ServerFacts

_LIMITS = ua.ObjectIds
FACTS = [  # read on every new session, in this order
    ua.NodeId(number, 0)
    for number in (
        _LIMITS.Server_NamespaceArray,
        _LIMITS.Server_ServerStatus_CurrentTime,
        _LIMITS.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
        _LIMITS.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
        _LIMITS.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds,
        _LIMITS.Server_ServerCapabilities_OperationLimits_MaxNodesPerRegisterNodes,
        _LIMITS.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData,
        _LIMITS.Server_ServerCapabilities_MaxMonitoredItemsPerSubscription,
    )
]
_KINDS: dict[type, Literal["i", "s", "g", "b"]] = {int: "i", str: "s", uuid.UUID: "g", bytes: "b"}
_WHOLE_PATH = 0xFFFF_FFFF  # RemainingPathIndex of a target that the whole path leads to (OPC 10000-4, 5.9.4)


def facts_of(values: Sequence[Any]) -> ServerFacts:
    """The facts from the data values of `FACTS`; what a server does not tell is no limit."""
    namespaces, time, *limits = (value.Value.Value if value.Value else None for value in values)
    return ServerFacts(
        tuple(namespaces or ()),
        int(time.replace(tzinfo=dt.UTC).timestamp() * 1e6) * 1000 if isinstance(time, dt.datetime) else None,
        *(int(limit or 0) for limit in limits),
    )


def properties(nodes: Sequence[NodeAddress], name: str, namespaces: Sequence[str]) -> Any:
    """The node of a standard property of each of these nodes."""
    step = _step(ua.ObjectIds.HasProperty, ua.QualifiedName(name, 0))
    starts = [ua.NodeId(node.identifier, namespaces.index(node.uri)) for node in nodes]
    return _translate([ua.BrowsePath(start, ua.RelativePath([step])) for start in starts])


def translate(paths: Sequence[BrowsePath], namespaces: Sequence[str]) -> Any:
    """The node at the end of each path; ValueError for a namespace that the server does not have."""
    return _translate(
        [
            ua.BrowsePath(
                ua.NodeId(ua.ObjectIds.RootFolder),
                ua.RelativePath(
                    [
                        _step(ua.ObjectIds.HierarchicalReferences, ua.QualifiedName(name, namespaces.index(uri)))
                        for uri, name in path.steps
                    ]
                ),
            )
            for path in paths
        ]
    )


def register(nodes: Sequence[NodeAddress], namespaces: Sequence[str]) -> Any:
    """Nodes that will be read again and again."""
    request = ua.RegisterNodesRequest()
    request.Parameters.NodesToRegister = [ua.NodeId(node.identifier, namespaces.index(node.uri)) for node in nodes]
    return request


def _translate(paths: list[Any]) -> Any:
    request = ua.TranslateBrowsePathsToNodeIdsRequest()
    request.Parameters.BrowsePaths = paths
    return request


def _step(reference: int, name: Any) -> Any:
    return ua.RelativePathElement(
        ReferenceTypeId=ua.NodeId(reference), IsInverse=False, IncludeSubtypes=True, TargetName=name
    )


def only_target(result: Any) -> tuple[int, Any]:
    """Status code and node id of a translated path; a path to several nodes leads to none of them."""
    if result.StatusCode.value >> 31:
        return result.StatusCode.value, None
    targets = [target.TargetId for target in result.Targets if target.RemainingPathIndex == _WHOLE_PATH]
    if len(targets) != 1:
        return codes.BAD_TOO_MANY_MATCHES if targets else codes.BAD_NO_MATCH, None
    target = targets[0]
    return 0, ua.NodeId(target.Identifier, target.NamespaceIndex)


def address_of(target: Any, namespaces: Sequence[str]) -> NodeAddress | None:
    """A node id of this session by its namespace URI; None for one of a namespace that the server did not tell."""
    if target.NamespaceIndex >= len(namespaces):
        return None
    kind = _KINDS[type(target.Identifier)]
    return NodeAddress(namespaces[target.NamespaceIndex], kind, target.Identifier)


def span_of(value: Any) -> float | None:
    """Width of a Range; None for anything else."""
    content = value.Value.Value if value.Value else None
    if not isinstance(content, ua.Range):
        return None
    span = content.High - content.Low
    return span if math.isfinite(span) and span > 0 else None
