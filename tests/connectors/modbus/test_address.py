from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import AddressError
from connectors.modbus.address import Address, Kind, Order, Table, parse
from connectors.modbus.kinds import order_names

REGISTER_KINDS = [kind for kind in Kind if kind is not Kind.STRING]  # which needs texts beside its line
FACTORS = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def addresses(draw: st.DrawFn) -> Address:
    table = draw(st.sampled_from(Table))
    kind = Kind.BOOL if table.of_bits else draw(st.sampled_from(REGISTER_KINDS))
    orders = [Order.ABCD] if table.of_bits else [*order_names(kind).values(), Order.ABCD]
    bit = draw(st.integers(0, 15)) if kind in (Kind.BIT, Kind.BITS) else 0
    return Address(
        table,
        draw(st.integers(0, 65_536 - kind.width)),
        kind,
        draw(st.sampled_from(orders)),
        bit,
        draw(FACTORS.filter(bool)),
        draw(FACTORS),
        draw(st.integers(1, 16 - bit)) if kind is Kind.BITS else 1,
    )


@given(addresses())
def test_text_and_address_are_inverses(address: Address) -> None:
    assert parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("coil:7", Address(Table.COIL, 7, Kind.BOOL)),
        ("discrete:0:bool", Address(Table.DISCRETE, 0, Kind.BOOL)),
        ("input:3:int16", Address(Table.INPUT, 3, Kind.INT16)),
        ("input:3:int16-40", Address(Table.INPUT, 3, Kind.INT16, offset=-40)),
        ("holding:3:bit15", Address(Table.HOLDING, 3, Kind.BIT, bit=15)),
        ("holding:3:bool", Address(Table.HOLDING, 3, Kind.BOOL)),
        ("holding:3:bits4-7", Address(Table.HOLDING, 3, Kind.BITS, bit=4, length=4)),
        ("holding:3:bits4-7-40", Address(Table.HOLDING, 3, Kind.BITS, bit=4, length=4, offset=-40)),
        ("holding:3:bits0-15:BA*2", Address(Table.HOLDING, 3, Kind.BITS, Order.BADC, length=16, scale=2)),
        ("input:3:int8h", Address(Table.INPUT, 3, Kind.INT8H)),
        ("input:3:bcd32:CDAB*0.01", Address(Table.INPUT, 3, Kind.BCD32, Order.CDAB, scale=0.01)),
        ("holding:3:uint16:BA", Address(Table.HOLDING, 3, Kind.UINT16, Order.BADC)),
        (
            "holding:100:float32:CDAB*0.1+5",
            Address(Table.HOLDING, 100, Kind.FLOAT32, Order.CDAB, scale=0.1, offset=5),
        ),
        ("holding:100:float64:HGFEDCBA*1e-3", Address(Table.HOLDING, 100, Kind.FLOAT64, Order.DCBA, scale=0.001)),
        (" holding : 0x9C41 : uint32 * -2 ", Address(Table.HOLDING, 40_001, Kind.UINT32, scale=-2)),
        ("holding:40000:uint32", Address(Table.HOLDING, 40_000, Kind.UINT32)),  # SunSpec starts here
        ("holding:30001:uint16", Address(Table.HOLDING, 30_001, Kind.UINT16)),  # another table's prefix
        ("holding:65535:uint16", Address(Table.HOLDING, 65_535, Kind.UINT16)),
    ],
)
def test_reads_what_people_write(text: str, expected: Address) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("holding:40001:float32", "holding:0"),
        ("holding:40101:float32", "holding:100"),
        ("holding:400101:float32", "holding:100"),
        ("holding:465536:uint16", "holding:65535"),
        ("input:400101:float32", "holding:100"),
        ("input:30011:int16", "input:10"),
        ("discrete:10003", "discrete:2"),
        ("coil:00017", "coil:16"),
        ("coil:000017", "coil:16"),
        ("holding:4x00101:float32", "holding:100"),
        ("400101:float32", "holding:100"),
        ("40101", "holding:100"),
    ],
)
def test_explains_a_number_from_a_manual(text: str, meant: str) -> None:
    with pytest.raises(AddressError, match=f"manual's number.* would be {meant}\\."):
        parse(text)


def test_offers_the_way_out_where_a_manual_s_number_is_a_possible_address() -> None:
    with pytest.raises(AddressError, match="write it as 0x9C41"):
        parse("holding:40001:uint16")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "none of the tables"),
        ("register:3:int16", "none of the tables coil, discrete, input, holding"),
        ("holding", "needs an address"),
        ("holding:a:int16", "'a' is no address"),
        ("holding:70000:int16", "must be 0..65535"),
        ("holding:65535:int32", "must be 0..65534"),
        ("holding:3", "needs its kind"),
        ("holding:3:float8", "'float8' is no kind"),
        ("holding:3:bool:AB", "no byte order of bool. Leave it out"),
        ("holding:3:uint8h:BA", "no byte order of uint8h. Leave it out"),
        ("holding:3:bits4", "'bits4' is no kind"),
        ("holding:3:bits7-4", "the lower one comes first"),
        ("holding:3:bits9-16", "bits 0..15"),
        ("holding:3:string8", "say what each text means.*as a table"),
        ("holding:3:bcd8", "'bcd8' is no kind"),
        ("holding:3:bit", "'bit' is no kind"),
        ("holding:3:bit16", "0..15"),
        ("coil:3:int16", "leave the kind out"),
        ("coil:3:bool:ABCD", "no byte order"),
        ("holding:3:int16:CDAB", "Use one of AB, BA"),
        ("holding:3:float64:CDAB", "Use one of ABCDEFGH, GHEFCDAB"),
        ("holding:3:float32:ABDC", "Use one of ABCD, CDAB, BADC, DCBA"),
        ("holding:3:int16*0", "must be finite and not 0"),
        ("holding:3:int16*1e999", "must be finite"),
        ("holding:3:int16+1e999", "must be finite"),
        ("holding:3:int16*x", "is no table:address"),
        ("holding:-3:int16", "is no table:address"),
        ("holding:3:int16:AB:more", "at most a kind and an order"),
    ],
)
def test_refuses_with_rule_and_fix(text: str, words: str) -> None:
    with pytest.raises(AddressError, match=f"(?i){words}") as caught:
        parse(text)
    assert caught.value.fix


@given(st.text())
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(AddressError):
        parse(text)


def test_an_impossible_address_cannot_be_made() -> None:
    with pytest.raises(AddressError, match="no second word"):
        Address(Table.HOLDING, 0, Kind.INT16, Order.CDAB)
    with pytest.raises(AddressError, match="only the kinds bit and bits"):
        Address(Table.HOLDING, 0, Kind.INT16, bit=3)
    with pytest.raises(AddressError, match="must be 0"):
        Address(Table.HOLDING, -1, Kind.INT16)
