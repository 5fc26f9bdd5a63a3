from __future__ import annotations

import math
from typing import Any

import pytest

from connectors.errors import AddressError
from connectors.modbus.address import Address, Kind, Order, Rules, Table, parse
from connectors.modbus.address_table import parse_table


@pytest.mark.parametrize(
    ("table", "compact"),
    [
        ({"table": "holding", "address": 100, "kind": "float32", "order": "CDAB", "scale": 0.1, "offset": 5}, None),
        ({"address": "holding:100:float32:CDAB*0.1+5"}, None),
        ({"table": "coil", "address": 7}, "coil:7"),
        ({"table": "input", "address": "0x10", "kind": "int16", "offset": -3}, "input:16:int16-3"),
        ({"table": "input", "address": 3, "bit": 4}, "input:3:bit4"),
        ({"table": "input", "address": 3, "kind": "bits", "bits": "4-7"}, "input:3:bits4-7"),
        ({"table": "input", "address": 3, "kind": "bits4-7", "scale": None}, "input:3:bits4-7"),
        ({"table": "input", "address": 3, "kind": "bcd32", "scale": -1e-7}, "input:3:bcd32*-1e-7"),
    ],
)
def test_a_table_says_what_a_line_says(table: dict[str, Any], compact: str | None) -> None:
    assert parse_table(table) == parse(compact or "holding:100:float32:CDAB*0.1+5")


def test_a_table_says_what_no_line_can() -> None:
    address = parse_table(
        {"address": "holding:9:uint32", "valid_min": 1, "invalid": [0xFFFF_FFFF], "counter": True},
    )
    assert address.rules == Rules(1, math.inf, (0xFFFF_FFFF,), (), 2**30)
    assert parse_table({"address": "holding:9:bcd16*2", "counter": 500}).rules.counter == 500
    text = parse_table({"table": "holding", "address": 9, "kind": "string", "length": 5, "texts": {"on": 1}})
    assert text == Address(Table.HOLDING, 9, Kind.STRING, length=5, rules=Rules(texts=(("on", 1.0),)))
    assert text.end == 12
    swapped = parse_table({"address": "holding:9:string4:BA", "texts": {"on": 1}})
    assert swapped.order is Order.BADC


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"table": "holding", "adress": 3}, "adress: unknown key. Did you mean 'address'"),
        ({"table": "holding"}, "address: is required"),
        ({"address": 3}, "table: is required"),
        ({"address": True, "table": "coil"}, "address True: must be a whole number"),
        ({"address": 3, "table": "holding", "kind": 4}, "kind 4: must be a text"),
        ({"address": "holding:3:int16", "kind": "int16"}, "kind: the compact address beside it says that"),
        ({"address": 40001, "table": "holding", "kind": "int16"}, "manual's number.*holding:0"),
        ({"address": 3, "table": "holding", "kind": "int16", "bit": 3}, "bit 3: kind is 'int16'"),
        ({"address": 3, "table": "holding", "length": 3}, "length 3: kind is ''"),
        ({"address": 3, "table": "holding", "kind": "int16", "scale": "2"}, "scale '2': must be a finite number"),
        ({"address": 3, "table": "holding", "kind": "int16", "offset": math.inf}, "must be a finite number"),
        ({"address": "holding:3:int16", "valid_min": 5, "valid_max": 4}, "no value could be valid"),
        ({"address": "holding:3:int16", "invalid": [70_000]}, "must be whole, -32768..65535"),
        ({"address": "holding:3:uint16", "invalid": [-1]}, "must be whole, 0..65535"),
        ({"address": "holding:3:uint16", "invalid": [1.5]}, "must be whole"),
        ({"address": "holding:3:bits4-7", "invalid": 16}, "0..15"),
        ({"address": "holding:3:bcd16", "invalid": 10_000}, "0..9999"),
        ({"address": "holding:3:bit4", "invalid": 1}, "only numbers have raw values"),
        ({"address": "holding:3:uint16", "invalid": ["x"]}, "must be a list of numbers"),
        ({"address": "holding:3:float32", "invalid": math.nan}, "must be a number"),
        ({"address": "holding:3:int16", "counter": True}, "only numbers without a sign count up"),
        ({"address": "coil:3", "counter": True}, "only numbers without a sign count up"),
        ({"address": "holding:3:uint16", "counter": 65_536}, "must be 1..65535"),
        ({"address": "holding:3:uint16", "counter": 0}, "must be true or a whole number"),
        ({"address": "holding:3:uint16", "texts": {"a": 1}}, "only strings have texts"),
        ({"address": "holding:3:string4"}, "say what each text means"),
        ({"address": "holding:3:string4", "texts": {"a": "b"}}, "must give each text a number"),
        ({"address": "holding:3:string4", "texts": {"a ": 1}}, "without trailing spaces"),
        ({"address": "holding:3:string4", "texts": {"a": math.nan}}, "must be finite"),
        ({"address": "holding:3:string251", "texts": {"a": 1}}, "1..250 characters"),
    ],
)
def test_refuses_with_key_rule_and_fix(table: dict[str, Any], words: str) -> None:
    with pytest.raises(AddressError, match=words) as caught:
        parse_table(table)
    assert caught.value.fix
