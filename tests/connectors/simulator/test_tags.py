"""The tables, nodes and registers agree with each other, and the addresses with the readers of the room."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.modbus.address import Address, Kind, Order, Table, parse
from connectors.modbus.decode import compile_decoder
from connectors.opcua.address import parse_node
from connectors.simulator import registers, tags


def test_every_tag_is_served_once() -> None:
    served = [(point.asset, point.tag) for point in (*tags.OPCUA_POINTS, *tags.MODBUS_POINTS)]
    assert len(set(served)) == len(served)
    assert set(served) == {(asset, name) for asset, table in tags.TABLES.items() for name in table.names}


def test_addresses_are_those_that_a_configuration_may_write() -> None:
    addresses = {(point.asset, point.tag): str(point.address) for point in tags.MODBUS_POINTS}
    assert addresses["pump-1", "winding_temperature"] == "holding:100:float32:CDAB"
    assert addresses["pump-1", "bearing_temperature"] == "input:108:int16*0.1"
    assert all(parse(str(point.address)) == point.address for point in tags.MODBUS_POINTS)
    node = parse_node(tags.OPCUA_POINTS[0].node)
    assert (node.uri, node.identifier) == ("urn:sluicegate:simulator", "pump-1.flow")


def test_registers_do_not_overlap_and_no_request_joins_the_pumps() -> None:
    for table in Table:
        spans = sorted((p.address.register, p.address.end) for p in tags.MODBUS_POINTS if p.address.table is table)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    first, second = (
        [p.address for p in tags.MODBUS_POINTS if p.asset == pump and p.address.table is Table.HOLDING]
        for pump in tags.PUMPS
    )
    assert min(a.register for a in second) - max(a.end for a in first) > 125


POINTS = [
    Address(Table.HOLDING, 7, Kind.INT16, scale=0.1),
    Address(Table.INPUT, 7, Kind.UINT16, scale=0.01, offset=5.0),
    Address(Table.HOLDING, 7, Kind.FLOAT32, Order.CDAB),
    Address(Table.HOLDING, 7, Kind.FLOAT32),
]


@given(st.sampled_from(POINTS), st.floats(-1e6, 1e6))
def test_what_is_encoded_is_what_the_driver_decodes(address: Address, value: float) -> None:
    words = registers.encode(address, value)
    assert len(words) == address.kind.width
    payload = np.array(words, dtype=">u2").tobytes()
    assert compile_decoder(7, [address]).decode(payload) == registers.as_read(address, np.array([value]))


def test_a_register_keeps_what_it_can_and_no_more() -> None:
    address = POINTS[0]
    read = registers.as_read(address, np.array([53.17, -0.04, 99_999.0]))
    assert read == pytest.approx([53.2, 0.0, 3276.7])
