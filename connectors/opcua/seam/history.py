"""Requests for histories as asyncua's structures. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from asyncua import ua

from connectors.opcua.terms import HistoryRequest, Node, RegisteredNode

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HISTORY_READ = 1 << 2  # AccessLevelType (OPC 10000-3, 8.57)
# Asked of every node, in this order.
ATTRIBUTES = (ua.AttributeIds.AccessLevel, ua.AttributeIds.UserAccessLevel, ua.AttributeIds.Historizing)


def read_raw(asked: HistoryRequest, *, release: bool) -> Any:
    """Raw values with both timestamps. `release`: the server shall forget the points; nothing is read."""
    request = ua.HistoryReadRequest()
    parameters = request.Parameters
    # A datetime has whole microseconds: reach out to both sides, and whoever asks cuts off what is too much.
    parameters.HistoryReadDetails = ua.ReadRawModifiedDetails(
        IsReadModified=False,
        StartTime=_EPOCH + dt.timedelta(microseconds=asked.start // 1000),
        EndTime=_EPOCH + dt.timedelta(microseconds=-(-asked.end // 1000)),
        NumValuesPerNode=asked.most,
        ReturnBounds=False,
    )
    parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
    parameters.ReleaseContinuationPoints = release
    parameters.NodesToRead = [
        ua.HistoryReadValueId(NodeId=node_id(node, asked.namespaces), ContinuationPoint=point or None)
        for node, point in zip(asked.nodes, asked.points, strict=True)
    ]
    return request


def read_attributes(nodes: Sequence[Node], namespaces: Sequence[str]) -> Any:
    """`ATTRIBUTES` of every node."""
    request = ua.ReadRequest()
    request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
    request.Parameters.NodesToRead = [
        ua.ReadValueId(NodeId=node_id(node, namespaces), AttributeId=attribute)
        for node in nodes
        for attribute in ATTRIBUTES
    ]
    return request


def has_history(values: Sequence[Any]) -> list[bool]:
    """Whether each node says that its history may be read; the values are those of `read_attributes`.

    Servers forget one or the other of the three: any of them will do, and the answer to a request decides.
    """
    plain = [value.Value.Value if value.Value else None for value in values]
    told = zip(plain[::3], plain[1::3], plain[2::3], strict=True)
    return [bool((int(level or 0) | int(user or 0)) & _HISTORY_READ or kept) for level, user, kept in told]


def node_id(node: Node, namespaces: Sequence[str]) -> Any:
    """The node by the index that its namespace has in this session; ValueError if it has none."""
    if isinstance(node, RegisteredNode):
        return node.id
    return ua.NodeId(node.identifier, namespaces.index(node.uri))
