"""Values and what they are worth, as the decoder hands them out."""

from __future__ import annotations

import math
import struct

import pytest

from connectors import status
from connectors.modbus.address import parse
from connectors.modbus.address_table import parse_table
from connectors.modbus.decode import compile_decoder


def judged(payload: str, *given: dict[str, object]) -> list[tuple[float | None, int]]:
    """Values (None for NaN) and codes of registers from 0 on."""
    decoder = compile_decoder(0, [parse_table({"table": "holding", **table}) for table in given])
    values, codes = decoder.decode_with_status(bytes.fromhex(payload))
    return [(None if math.isnan(value) else value, int(code)) for value, code in zip(values, codes, strict=True)]


def test_where_nothing_is_wrong_all_is_good() -> None:
    assert judged("00010002", {"address": 0, "kind": "uint16"}, {"address": 1, "kind": "bcd16"}) == [(1, 0), (2, 0)]


def test_of_bits_all_is_good() -> None:
    values, codes = compile_decoder(0, [parse("coil:0"), parse("coil:1")]).decode_with_status(b"\x02")
    assert (values.tolist(), codes.tolist()) == ([0, 1], [0, 0])


@pytest.mark.parametrize("payload", ["7FC00000", "7F800000", "FF800000"])
def test_what_is_not_finite_is_a_failed_sensor(payload: str) -> None:
    assert judged(payload, {"address": 0, "kind": "float32"}) == [(None, status.BAD_SENSOR_FAILURE)]


@pytest.mark.parametrize(
    ("kind", "invalid", "payload"),
    [
        ("int16", 0x8000, "8000"),
        ("int16", -32_768, "8000"),
        ("uint16", 0xFFFF, "FFFF"),
        ("int32", 0x8000_0000, "80000000"),
        ("uint32", 0xFFFF_FFFF, "FFFFFFFF"),
        ("int64", 0x8000_0000_0000_0000, "8000000000000000"),
        ("uint64", 0xFFFF_FFFF_FFFF_FFFF, "FFFFFFFFFFFFFFFF"),
        ("float32", struct.unpack(">f", bytes.fromhex("7CF00001"))[0], "7CF00001"),
        ("float32", 0.1, "3DCCCCCD"),
        ("int8l", 0x80, "0080"),
        ("bits4-7", 15, "00F0"),
        ("bcd16", 9999, "9999"),
    ],
)
def test_a_raw_value_that_means_none_is_a_failed_sensor(kind: str, invalid: float, payload: str) -> None:
    tag = {"address": 0, "kind": kind, "scale": 0.1, "offset": 7, "invalid": [1, invalid]}
    assert judged(payload, tag) == [(None, status.BAD_SENSOR_FAILURE)]


def test_a_raw_value_is_compared_with_its_own_tag_s_only() -> None:
    tags = [{"address": i, "kind": "uint16", **({"invalid": 7} if i == 1 else {})} for i in range(3)]
    assert judged("0007 0007 0007", *tags) == [(7, 0), (None, status.BAD_SENSOR_FAILURE), (7, 0)]


def test_64_bits_are_compared_as_such_and_not_as_floats() -> None:
    tag = {"address": 0, "kind": "uint64", "invalid": 2**64 - 1}
    assert judged("FFFFFFFFFFFFFFFE", tag) == [(float(2**64), status.GOOD)]


def test_a_range_leaves_the_value_and_makes_it_uncertain() -> None:
    tag = {"address": 0, "kind": "int16", "scale": 0.1, "valid_min": 0, "valid_max": 90}
    got = judged("FFFF 0000 0384 0385", *({**tag, "address": i} for i in range(4)))
    exceeded = status.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED
    assert got == [(-0.1, exceeded), (0, 0), (90, 0), (pytest.approx(90.1), exceeded)]


def test_what_is_no_value_at_all_is_not_merely_out_of_range() -> None:
    tag = {"address": 0, "kind": "float32", "valid_max": 90}
    assert judged("7F800000", tag) == [(None, status.BAD_SENSOR_FAILURE)]


def test_a_digit_above_nine_is_no_value_and_does_not_touch_its_neighbours() -> None:
    got = judged("0012 00A2 F000 9999", *({"address": i, "kind": "bcd16"} for i in range(4)))
    assert got == [(12, 0), (None, status.BAD_TYPE_MISMATCH), (None, status.BAD_TYPE_MISMATCH), (9999, 0)]


@pytest.mark.parametrize(
    ("wire", "order", "value"),
    [
        (b"RUN\0\0\0", "AB", 1.0),
        (b"RUN   ", "AB", 1.0),
        (b"RUN\0??", "AB", 1.0),
        (b"UR N\0\0", "BA", 1.0),
        (b"STOP  ", "AB", 0.0),
        (b"FAULT!", "AB", 7.5),
        (b"RUNS  ", "AB", None),
        (b"\0\0\0\0\0\0", "AB", None),
        (b"\xff" * 6, "AB", None),
        (b" RUN  ", "AB", None),
    ],
)
def test_texts_become_numbers_or_no_value(wire: bytes, order: str, value: float | None) -> None:
    tag = {"address": 1, "kind": "string6", "order": order, "texts": {"RUN": 1, "STOP": 0, "FAULT!": 7.5}}
    other = {"address": 0, "kind": "string2", "texts": {"ok": 5}}
    code = status.GOOD if value is not None else status.BAD_TYPE_MISMATCH
    got = judged(b"ok".hex() + wire.hex(), tag, {"address": 0, "kind": "bool"}, other, tag)
    assert got == [(value, code), (1, 0), (5, 0), (value, code)]


def test_a_text_of_odd_length_leaves_the_last_byte_alone() -> None:
    tag = {"address": 0, "kind": "string3", "texts": {"RUN": 1}}
    assert judged(b"RUN!".hex(), tag) == [(1, 0)]
