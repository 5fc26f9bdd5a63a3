"""Requests carry what was asked for; a node goes by the index of its namespace in this session."""

from __future__ import annotations

import pytest

from connectors.opcua.address import parse_node
from connectors.opcua.seam import requests
from connectors.opcua.terms import ItemRequest

NODE = parse_node("nsu=urn:x:plant;s=tick")


@pytest.mark.parametrize(
    ("namespaces", "index"),
    [(("http://opcfoundation.org/UA/", "urn:server", "urn:x:plant"), 2), (("u", "s", "urn:x:other", "urn:x:plant"), 3)],
)
def test_the_namespace_index_is_that_of_the_session(namespaces: tuple[str, ...], index: int) -> None:
    created = requests.create_items(7, [ItemRequest(5, NODE, 50.0, 600)], namespaces)
    (item,) = created.Parameters.ItemsToCreate
    (read,) = requests.read([NODE], namespaces).Parameters.NodesToRead
    for node in (item.ItemToMonitor.NodeId, read.NodeId):
        assert (node.NamespaceIndex, node.Identifier) == (index, "tick")
    asked = item.RequestedParameters
    assert (asked.ClientHandle, asked.SamplingInterval, asked.QueueSize, asked.DiscardOldest) == (5, 50.0, 600, True)


def test_a_node_of_an_absent_namespace_has_no_index() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        requests.read([NODE], ("http://opcfoundation.org/UA/",))


def test_acknowledgements_name_subscription_and_message() -> None:
    sent = requests.publish([(42, 1), (42, 2)]).Parameters.SubscriptionAcknowledgements
    assert [(one.SubscriptionId, one.SequenceNumber) for one in sent] == [(42, 1), (42, 2)]
