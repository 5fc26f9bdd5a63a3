"""Requests carry what was asked for; a node goes by the index of its namespace in this session."""

from __future__ import annotations

import pytest
from asyncua import ua

from connectors.opcua.address import parse_node
from connectors.opcua.seam import requests
from connectors.opcua.terms import ChangeFilter, ItemRequest, SubscriptionTerms

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


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        (ChangeFilter("status_value", deadband=0.5), (ua.DataChangeTrigger.StatusValue, 1, 0.5)),
        (
            ChangeFilter("status_value_timestamp", deadband_percent=2.0),
            (ua.DataChangeTrigger.StatusValueTimestamp, 2, 2.0),
        ),
        (ChangeFilter("status"), (ua.DataChangeTrigger.Status, 0, 0.0)),
    ],
)
def test_a_filter_says_trigger_and_deadband(wanted: ChangeFilter, sent: tuple[object, int, float]) -> None:
    """The library's own filter has the trigger Status: it would never tell a value."""
    request = requests.create_items(7, [ItemRequest(5, NODE, 50.0, 600, False, wanted)], ("urn:x:plant",))
    asked = request.Parameters.ItemsToCreate[0].RequestedParameters
    assert (asked.Filter.Trigger, asked.Filter.DeadbandType, asked.Filter.DeadbandValue) == sent
    assert asked.DiscardOldest is False


def test_a_subscription_keeps_its_priority_when_it_is_modified() -> None:
    made = requests.create_subscription(100.0, 30, 10, 7).Parameters
    changed = requests.modify_subscription(SubscriptionTerms(1, 100.0, 30, 10), 7).Parameters
    assert (made.Priority, changed.Priority) == (7, 7)


def test_a_node_of_an_absent_namespace_has_no_index() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        requests.read([NODE], ("http://opcfoundation.org/UA/",))


def test_acknowledgements_name_subscription_and_message() -> None:
    sent = requests.publish([(42, 1), (42, 2)]).Parameters.SubscriptionAcknowledgements
    assert [(one.SubscriptionId, one.SequenceNumber) for one in sent] == [(42, 1), (42, 2)]
