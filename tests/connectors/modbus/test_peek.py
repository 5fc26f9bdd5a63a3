from __future__ import annotations

import math

import pytest

from connectors.modbus.address import parse
from connectors.modbus.decode import compile_decoder
from connectors.modbus.kinds import Kind, Table, order_names
from connectors.modbus.peek import plausible, readings


def test_every_kind_and_order_stands_side_by_side_once() -> None:
    payload = bytes.fromhex("42F6E979") + b"\x00\x07" + b"Hi"
    found = list(readings(Table.HOLDING, 10, payload))
    assert len({reading.address(Table.HOLDING) for reading in found}) == len(found)
    wide = sum(len(order_names(kind)) for kind in Kind if kind.width == 4)
    assert len([reading for reading in found if reading.register == 10 and reading.kind.width == 4]) == wide == 16
    assert not [reading for reading in found if reading.register == 13 and reading.kind.width > 1]
    for reading in found:
        (value,) = compile_decoder(10, [parse(reading.address(Table.HOLDING))]).decode(payload).tolist()
        assert value == reading.value or (math.isnan(value) and math.isnan(reading.value))


def test_the_right_float_is_marked_and_its_wrong_orders_are_not() -> None:
    found = list(readings(Table.INPUT, 0, bytes.fromhex("42F6E979")))
    marked = {reading.order for reading in found if reading.kind is Kind.FLOAT32 and reading.plausible}
    assert marked == {"ABCD"}


def test_text_is_shown_beside_registers_in_both_orders() -> None:
    words = [reading for reading in readings(Table.HOLDING, 0, b"Hi\x00\x07") if reading.kind is Kind.UINT16]
    found = {(reading.register, reading.order): reading.text for reading in words}
    assert found[0, "AB"] == "Hi"
    assert found[0, "BA"] == "iH"
    assert found[1, "AB"] == ""


def test_bits_have_one_reading() -> None:
    assert [reading.value for reading in readings(Table.COIL, 3, b"\x05")] == [1, 0, 1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Kind.FLOAT32, 0.0, True),
        (Kind.FLOAT32, 1e-3, True),
        (Kind.FLOAT32, -1e6, True),
        (Kind.FLOAT32, 9e-4, False),
        (Kind.FLOAT64, 1.1e6, False),
        (Kind.FLOAT32, math.nan, False),
        (Kind.FLOAT32, math.inf, False),
        (Kind.INT32, 0.0, False),
        (Kind.INT32, -1e6, True),
        (Kind.UINT64, 1_000_001.0, False),
        (Kind.UINT16, 5.0, False),
        (Kind.BCD16, 9.0, False),
        (Kind.BCD32, 10.0, True),
        (Kind.BCD32, math.nan, False),
    ],
)
def test_plausible_by_the_rule(kind: Kind, value: float, *, expected: bool) -> None:
    assert plausible(kind, value) is expected
