"""Requests as asyncua's structures. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asyncua import ua

from connectors.opcua.address import NodeAddress
from connectors.opcua.terms import ChangeFilter, ItemRequest, RegisteredNode, SubscriptionTerms

_TRIGGERS = {
    "status": ua.DataChangeTrigger.Status,
    "status_value": ua.DataChangeTrigger.StatusValue,
    "status_value_timestamp": ua.DataChangeTrigger.StatusValueTimestamp,
}


def create_subscription(interval_ms: float, lifetime_count: int, keepalive_count: int, priority: int) -> Any:
    """A subscription that publishes at once."""
    request = ua.CreateSubscriptionRequest()
    request.Parameters.RequestedPublishingInterval = interval_ms
    request.Parameters.RequestedLifetimeCount = lifetime_count
    request.Parameters.RequestedMaxKeepAliveCount = keepalive_count
    request.Parameters.MaxNotificationsPerPublish = 0  # as many as the server likes to send at once
    request.Parameters.PublishingEnabled = True
    request.Parameters.Priority = priority
    return request


def modify_subscription(terms: SubscriptionTerms, priority: int) -> Any:
    """Other terms for a subscription that exists."""
    request = ua.ModifySubscriptionRequest()
    request.Parameters.SubscriptionId = terms.id
    request.Parameters.RequestedPublishingInterval = terms.interval_ms
    request.Parameters.RequestedLifetimeCount = terms.lifetime_count
    request.Parameters.RequestedMaxKeepAliveCount = terms.keepalive_count
    request.Parameters.MaxNotificationsPerPublish = 0
    request.Parameters.Priority = priority
    return request


def delete_subscriptions(subscriptions: Sequence[int]) -> Any:
    """Subscriptions that nobody listens to any more."""
    request = ua.DeleteSubscriptionsRequest()
    request.Parameters.SubscriptionIds = list(subscriptions)
    return request


def create_items(subscription: int, items: Sequence[ItemRequest], namespaces: Sequence[str]) -> Any:
    """Monitored items."""
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
                Filter=None if item.filter is None else _filter(item.filter),
                QueueSize=item.queue_size,
                DiscardOldest=item.discard_oldest,
            ),
        )
        for item in items
    ]
    return request


def read(nodes: Sequence[NodeAddress | RegisteredNode], namespaces: Sequence[str]) -> Any:
    """Values with both timestamps."""
    request = ua.ReadRequest()
    request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
    request.Parameters.NodesToRead = [_value_of(node, namespaces) for node in nodes]
    return request


def republish(subscription: int, sequence: int) -> Any:
    """One notification message once more."""
    request = ua.RepublishRequest()
    request.Parameters.SubscriptionId = subscription
    request.Parameters.RetransmitSequenceNumber = sequence
    return request


def publish(acknowledged: Sequence[tuple[int, int]]) -> Any:
    """The next message of any subscription; pairs of subscription id and sequence number are let go of."""
    request = ua.PublishRequest()
    request.Parameters.SubscriptionAcknowledgements = [
        ua.SubscriptionAcknowledgement(SubscriptionId=subscription, SequenceNumber=sequence)
        for subscription, sequence in acknowledged
    ]
    return request


def _filter(wanted: ChangeFilter) -> Any:
    kinds = ua.DeadbandType
    if wanted.deadband is not None:
        kind, width = kinds.Absolute, wanted.deadband
    elif wanted.deadband_percent is not None:
        kind, width = kinds.Percent, wanted.deadband_percent
    else:
        kind, width = kinds.None_, 0.0
    return ua.DataChangeFilter(_TRIGGERS[wanted.trigger], kind.value, width)


def _value_of(node: NodeAddress | RegisteredNode, namespaces: Sequence[str]) -> Any:
    """The node by the index that its namespace has in this session, and no other; ValueError if it has none."""
    if isinstance(node, RegisteredNode):
        return ua.ReadValueId(NodeId=node.id, AttributeId=ua.AttributeIds.Value)
    identifier = ua.NodeId(node.identifier, namespaces.index(node.uri))
    return ua.ReadValueId(NodeId=identifier, AttributeId=ua.AttributeIds.Value)
