"""Messages are read as the library encodes them; garbage is malformed and nothing else."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import MalformedMessage
from connectors.opcua.columns import Shape, Values
from connectors.opcua.wire import Fault, Notification, read_publish, read_read, read_republish


@given(st.binary(max_size=200))
def test_garbage_is_malformed(data: bytes) -> None:
    for read in (read_publish, read_republish, read_read):
        try:
            read(data)
        except MalformedMessage:
            continue


NOW = dt.datetime(2024, 2, 29, 12, 0, 0, 250000, tzinfo=dt.UTC)
NOW_TICKS = 133_536_816_002_500_000


def _value(value: object, kind: ua.VariantType, status: int = 0) -> ua.DataValue:
    return ua.DataValue(
        ua.Variant(value, kind),
        ua.StatusCode(status),
        SourceTimestamp=NOW,
        ServerTimestamp=NOW + dt.timedelta(seconds=1),
    )


def _response(items: list[ua.MonitoredItemNotification], sequence: int = 7) -> bytes:
    response = ua.PublishResponse()
    response.Parameters.SubscriptionId = 42
    response.Parameters.AvailableSequenceNumbers = [5, 6, 7]
    response.Parameters.NotificationMessage.SequenceNumber = sequence
    if items:
        response.Parameters.NotificationMessage.NotificationData = [ua.DataChangeNotification(MonitoredItems=items)]
    return struct_to_binary(response)


def _read(data: bytes) -> Notification:
    notification = read_publish(data)
    assert isinstance(notification, Notification)
    return notification


KINDS = ua.VariantType
CASES: list[tuple[object, ua.VariantType, float]] = [
    (True, KINDS.Boolean, 1.0),
    (-128, KINDS.SByte, -128.0),
    (255, KINDS.Byte, 255.0),
    (-32768, KINDS.Int16, -32768.0),
    (65535, KINDS.UInt16, 65535.0),
    (-(2**31), KINDS.Int32, -(2.0**31)),
    (2**32 - 1, KINDS.UInt32, 2.0**32 - 1),
    (-(2**63), KINDS.Int64, -(2.0**63)),
    (2**64 - 1, KINDS.UInt64, 2.0**64),
    (0.5, KINDS.Float, 0.5),
    (math.inf, KINDS.Double, math.inf),
    (math.nan, KINDS.Double, math.nan),
    (NOW, KINDS.DateTime, 1709208000.25),
]


@pytest.mark.parametrize(("value", "kind", "expected"), CASES)
@pytest.mark.parametrize("count", [1, 20])
def test_what_the_library_writes_is_read_back(value: object, kind: ua.VariantType, expected: float, count: int) -> None:
    items = [ua.MonitoredItemNotification(ClientHandle=i, Value=_value(value, kind, 0x480)) for i in range(count)]
    notification = _read(_response(items))
    assert (notification.subscription, notification.sequence, notification.keepalive) == (42, 7, False)
    (values,) = notification.values
    np.testing.assert_array_equal(values.handle, np.arange(count))
    np.testing.assert_array_equal(values.value, np.full(count, expected))
    assert set(values.status.tolist()) == {0x480}
    assert set(values.source.tolist()) == {NOW_TICKS}
    assert set(values.server.tolist()) == {NOW_TICKS + 10_000_000}
    assert set(values.shape.tolist()) == {Shape.NUMBER}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("text", KINDS.String),
        (ua.LocalizedText("text", "en"), KINDS.LocalizedText),
        (ua.QualifiedName("name", 3), KINDS.QualifiedName),
        (ua.NodeId("name", 3), KINDS.NodeId),
        (b"bytes", KINDS.ByteString),
        (ua.StatusCode(0x80340000), KINDS.StatusCode),
        (["a", "b"], KINDS.String),
        ([[1.0, 2.0], [3.0, 4.0]], KINDS.Double),
        (ua.ReadValueId(NodeId=ua.NodeId(1, 2)), KINDS.ExtensionObject),
    ],
)
def test_what_is_no_number_is_passed_over_and_the_next_item_is_right(value: object, kind: ua.VariantType) -> None:
    items = [
        ua.MonitoredItemNotification(ClientHandle=1, Value=_value(value, kind)),
        ua.MonitoredItemNotification(ClientHandle=2, Value=_value(2.5, KINDS.Double)),
    ]
    (values,) = _read(_response(items)).values
    assert values.shape.tolist() == [Shape.OTHER, Shape.NUMBER]
    assert values.handle.tolist() == [1, 2]
    assert values.value[1] == 2.5
    assert math.isnan(values.value[0])


def test_array_of_numbers_and_a_null_value() -> None:
    items = [
        ua.MonitoredItemNotification(ClientHandle=1, Value=_value([1.0, 2.0, 3.0], KINDS.Float)),
        ua.MonitoredItemNotification(ClientHandle=2, Value=_value(None, KINDS.Null, 0x80340000)),
    ]
    (values,) = _read(_response(items)).values
    assert values.shape.tolist() == [Shape.NUMBERS, Shape.NOTHING]
    assert values.status.tolist() == [0, 0x80340000]
    np.testing.assert_array_equal(values.arrays[0], [1.0, 2.0, 3.0])


def test_keepalive_status_change_and_fault() -> None:
    assert _read(_response([], sequence=9)).keepalive

    response = ua.PublishResponse()
    response.Parameters.NotificationMessage.NotificationData = [
        ua.StatusChangeNotification(Status=ua.StatusCode(ua.StatusCodes.BadTimeout))
    ]
    assert _read(struct_to_binary(response)).ended == ua.StatusCodes.BadTimeout

    fault = ua.ServiceFault()
    fault.ResponseHeader.ServiceResult = ua.StatusCode(ua.StatusCodes.BadNoSubscription)
    assert read_publish(struct_to_binary(fault)) == Fault(ua.StatusCodes.BadNoSubscription)


def test_read_and_republish_responses() -> None:
    read = ua.ReadResponse(Results=[_value(1.5, KINDS.Double), _value("x", KINDS.String)])
    values = read_read(struct_to_binary(read))
    assert isinstance(values, Values)
    assert values.handle.tolist() == [0, 1]
    assert values.value[0] == 1.5

    again = ua.RepublishResponse()
    again.NotificationMessage.SequenceNumber = 3
    notification = read_republish(struct_to_binary(again))
    assert isinstance(notification, Notification)
    assert notification.keepalive
