from __future__ import annotations

import itertools
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.modbus.address import Address, Kind, Order, Table, parse
from connectors.modbus.decode import compile_decoder
from connectors.modbus.kinds import order_names, parse_kind

# One value per kind, its bytes high byte first, and where each byte stands on the wire in each order, written out.
GOLDEN = {
    "int16": (-12_345.0, "CFC7", {"AB": "CFC7", "BA": "C7CF"}),
    "uint16": (54_321.0, "D431", {"AB": "D431", "BA": "31D4"}),
    "float16": (-1.5, "BE00", {"AB": "BE00", "BA": "00BE"}),
    "int32": (
        -123_456_789.0,
        "F8A432EB",
        {"ABCD": "F8A432EB", "CDAB": "32EBF8A4", "BADC": "A4F8EB32", "DCBA": "EB32A4F8"},
    ),
    "uint32": (
        4_023_233_417.0,
        "EFCDAB89",
        {"ABCD": "EFCDAB89", "CDAB": "AB89EFCD", "BADC": "CDEF89AB", "DCBA": "89ABCDEF"},
    ),
    "float32": (
        123.4560012817382812,
        "42F6E979",
        {"ABCD": "42F6E979", "CDAB": "E97942F6", "BADC": "F64279E9", "DCBA": "79E9F642"},
    ),
    "int64": (
        -81_985_529_216_486_896.0,
        "FEDCBA9876543210",
        {
            "ABCDEFGH": "FEDCBA9876543210",
            "GHEFCDAB": "32107654BA98FEDC",
            "BADCFEHG": "DCFE98BA54761032",
            "HGFEDCBA": "1032547698BADCFE",
        },
    ),
    "uint64": (
        float(0x0123456789ABCDEF),
        "0123456789ABCDEF",
        {
            "ABCDEFGH": "0123456789ABCDEF",
            "GHEFCDAB": "CDEF89AB45670123",
            "BADCFEHG": "23016745AB89EFCD",
            "HGFEDCBA": "EFCDAB8967452301",
        },
    ),
    "float64": (
        -math.pi,
        "C00921FB54442D18",
        {
            "ABCDEFGH": "C00921FB54442D18",
            "GHEFCDAB": "2D18544421FBC009",
            "BADCFEHG": "09C0FB214454182D",
            "HGFEDCBA": "182D4454FB2109C0",
        },
    ),
    "bcd16": (9_075.0, "9075", {"AB": "9075", "BA": "7590"}),
    "bcd32": (
        12_345_678.0,
        "12345678",
        {"ABCD": "12345678", "CDAB": "56781234", "BADC": "34127856", "DCBA": "78563412"},
    ),
    "bcd64": (
        1_234_567_890_123_456.0,
        "1234567890123456",
        {
            "ABCDEFGH": "1234567890123456",
            "GHEFCDAB": "3456901256781234",
            "BADCFEHG": "3412785612905634",
            "HGFEDCBA": "5634129078563412",
        },
    ),
    "bits4-7": (13.0, "30D1", {"AB": "30D1", "BA": "D130"}),
    "bits0-15": (12_497.0, "30D1", {"AB": "30D1", "BA": "D130"}),
    "bit8": (1.0, "A1B2", {"AB": "A1B2", "BA": "B2A1"}),
    "int8h": (-2.0, "FE7F", {"": "FE7F"}),
    "int8l": (-3.0, "7FFD", {"": "7FFD"}),
    "uint8h": (254.0, "FE7F", {"": "FE7F"}),
    "uint8l": (253.0, "7FFD", {"": "7FFD"}),
    "bool": (1.0, "0100", {"": "0100"}),
}
CASES = [(kind, order, wire, value) for kind, (value, _, orders) in GOLDEN.items() for order, wire in orders.items()]


def decode(start: int, payload: bytes, *texts: str) -> list[float]:
    return compile_decoder(start, [parse(text) for text in texts]).decode(payload).tolist()


@pytest.mark.parametrize(("kind", "order", "wire", "value"), CASES)
def test_golden_vectors(kind: str, order: str, wire: str, value: float) -> None:
    payload = b"\xaa\x55" + bytes.fromhex(wire) + b"\x55\xaa"
    assert decode(9, payload, f"holding:10:{kind}:{order}".rstrip(":")) == [value]


def test_the_golden_vectors_cover_every_kind_and_order() -> None:
    told = {parse(f"holding:10:{kind}:{order}".rstrip(":")) for kind, order, *_ in CASES}
    wanted = {(kind, order) for kind in Kind for order in order_names(kind).values() or [Order.ABCD]}
    assert {(address.kind, address.order) for address in told} == {pair for pair in wanted if pair[0] != "string"}


def test_the_big_endian_golden_vectors_are_what_struct_says() -> None:
    codes = dict(zip(GOLDEN, "hHeiIfqQd", strict=False))
    for kind in codes:
        value, high_first, _ = GOLDEN[kind]
        assert float(struct.unpack(f">{codes[kind]}", bytes.fromhex(high_first))[0]) == value


def test_bits_of_a_register() -> None:
    payload = bytes.fromhex("8001")
    assert decode(5, payload, *(f"holding:5:bit{i}" for i in range(16))) == [1, *[0] * 14, 1]
    assert decode(5, payload, "holding:5:bit7:BA", "holding:5:bit8:BA") == [1, 1]


def test_coils_come_lowest_bit_first() -> None:
    # Modbus Application Protocol V1.1b3, 6.1: coils 20-38 as CD 6B 05.
    ones = {20, 22, 23, 26, 27, 28, 29, 31, 33, 34, 36, 38}
    coils = range(20, 39)
    texts = [f"coil:{coil - 1}" for coil in coils]
    assert decode(19, bytes.fromhex("CD6B05"), *texts) == [float(coil in ones) for coil in coils]


def test_scale_and_offset() -> None:
    assert decode(0, bytes.fromhex("00640001"), "input:0:uint16*0.5-10", "input:1:uint16") == [40, 1]
    assert decode(0, b"\x01", "coil:0*-1+1", "coil:1*-1+1") == [0, 1]


@pytest.mark.filterwarnings("error")
def test_not_a_number_and_infinity_come_through() -> None:
    values = decode(0, bytes.fromhex("7F800001 7F800000 FF800000"), *(f"input:{i}:float32" for i in (0, 2, 4)))
    assert math.isnan(values[0])  # a signalling one
    assert values[1:] == [math.inf, -math.inf]


@given(st.data())
def test_a_mixed_block_is_what_struct_reads_value_by_value(data: st.DataObject) -> None:
    payload = data.draw(st.binary(min_size=40, max_size=40))
    kinds = st.sampled_from([kind for kind in Kind if kind is not Kind.STRING])
    addresses = []
    for kind in data.draw(st.lists(kinds, min_size=1, max_size=12)):
        order = data.draw(st.sampled_from([*order_names(kind).values(), Order.ABCD]))
        bit = data.draw(st.integers(0, 15)) if kind in (Kind.BIT, Kind.BITS) else 0
        length = data.draw(st.integers(1, 16 - bit)) if kind is Kind.BITS else 1
        register = 7 + data.draw(st.integers(0, 20 - kind.width))
        addresses.append(Address(Table.INPUT, register, kind, order, bit, length=length))
    got = compile_decoder(7, addresses).decode(payload)
    np.testing.assert_array_equal(got, [_by_hand(address, payload) for address in addresses])


def _by_hand(address: Address, payload: bytes) -> float:
    at = 2 * (address.register - 7)
    words = [payload[i : i + 2] for i in range(at, at + 2 * address.kind.width, 2)]
    if address.order in (Order.CDAB, Order.DCBA):
        words.reverse()
    if address.order in (Order.BADC, Order.DCBA):
        words = [word[::-1] for word in words]
    raw = b"".join(words)
    number = int.from_bytes(raw, "big")
    if address.kind in (Kind.BIT, Kind.BITS):
        return float(number >> address.bit & (2**address.length - 1))
    if address.kind is Kind.BOOL:
        return float(number != 0)
    if address.kind.is_bcd:
        return float(raw.hex()) if raw.hex().isdecimal() else math.nan
    if "8" in address.kind:
        byte = raw[:1] if address.kind.endswith("h") else raw[1:]
        return float(int.from_bytes(byte, "big", signed=address.kind.is_signed))
    if address.kind.startswith("float"):
        return float(struct.unpack({1: ">e", 2: ">f", 4: ">d"}[address.kind.width], raw)[0])
    return float(int.from_bytes(raw, "big", signed=address.kind.startswith("int")))


@given(
    st.sampled_from(["uint16", "int8l", "uint32", "float32", "float64", "bcd32", "bits3-9"]),
    st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]),
    st.sampled_from(list(itertools.product((1, -1, 0), (4, 5)))),
    st.binary(min_size=80, max_size=80),
)
def test_values_are_the_same_side_by_side_and_each_for_itself(
    kind: str, order: str, steps: tuple[int, int], payload: bytes
) -> None:
    """At even distances they are read as they lie: upwards, downwards, or one several times."""
    direction, distance = steps
    orders = order_names(parse_kind(kind)[0])  # type: ignore[index]
    named = [name for name, meant in orders.items() if meant == order]
    registers = [20 + direction * distance * i for i in range(-3, 4)]
    addresses = [parse(":".join(["holding", str(register), kind, *named])) for register in registers]
    alone = [compile_decoder(0, [address]).decode(payload)[0] for address in addresses]
    np.testing.assert_array_equal(compile_decoder(0, addresses).decode(payload), alone)
    np.testing.assert_array_equal(compile_decoder(0, [*addresses, parse("holding:0:int16")]).decode(payload)[:7], alone)
