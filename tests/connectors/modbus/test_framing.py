from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import BadReply, DeviceException
from connectors.modbus.address import Table
from connectors.modbus.framing import MbapAnyTransaction, MbapDatagrams, MbapStream
from connectors.modbus.protocol import FUNCTION_CODES, data_size

UNIT, COUNT = 7, 3
DATA = bytes(range(2 * COUNT))


def reply(transaction: int, unit: int = UNIT, function: int = 3, data: bytes = DATA, protocol: int = 0) -> bytes:
    return struct.pack(">HHHBBB", transaction, protocol, 3 + len(data), unit, function, len(data)) + data


def asking(kind: type[MbapStream] = MbapStream) -> tuple[MbapStream, int]:
    framing = kind()
    request = framing.request(UNIT, Table.HOLDING, 100, COUNT)
    return framing, struct.unpack_from(">H", request)[0]


def test_a_request_is_that_of_the_specification() -> None:
    request = MbapStream().request(0x11, Table.HOLDING, 0x6B, 3)
    assert request == bytes.fromhex("0001 0000 0006 11 03 006B 0003")


@given(st.sampled_from(Table), st.integers(0, 255), st.integers(1, 125), st.lists(st.integers(1, 300), min_size=1))
def test_the_answer_is_the_same_however_it_is_cut(table: Table, unit: int, count: int, cuts: list[int]) -> None:
    framing = MbapStream()
    data = bytes(i % 251 for i in range(data_size(table, count)))
    transaction = struct.unpack_from(">H", framing.request(unit, table, 5, count))[0]
    stream, got, i = reply(transaction, unit, FUNCTION_CODES[table], data), None, 0
    while stream:
        assert got is None
        got, stream, i = framing.feed(stream[: cuts[i % len(cuts)]]), stream[cuts[i % len(cuts)] :], i + 1
    assert got == data
    assert framing.unread == 0


@pytest.mark.parametrize("byte", range(9))
@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("kind", [MbapStream, MbapDatagrams])
def test_no_bit_of_the_head_may_differ(byte: int, bit: int, kind: type[MbapStream]) -> None:
    framing, transaction = asking(kind)
    wrong = bytearray(reply(transaction))
    wrong[byte] ^= 1 << bit
    with contextlib.suppress(BadReply, DeviceException):
        assert framing.feed(bytes(wrong)) is None  # a longer frame, or of nobody in a datagram


def test_a_late_reply_before_the_answer_is_let_go() -> None:
    framing, late = asking()
    framing.lapse()
    transaction = struct.unpack_from(">H", framing.request(UNIT, Table.HOLDING, 200, COUNT))[0]
    assert framing.feed(reply(late, data=bytes(6)) + reply(transaction)) == DATA
    assert framing.late == 1


def test_the_answer_behind_a_part_of_a_late_reply_is_found() -> None:
    framing, late = asking()
    assert framing.feed(reply(late)[:5]) is None
    assert framing.lapse()
    transaction = struct.unpack_from(">H", framing.request(UNIT, Table.HOLDING, 200, COUNT))[0]
    assert framing.feed(reply(late)[5:]) is None
    assert framing.feed(reply(transaction)) == DATA


def test_what_comes_behind_the_answer_is_told() -> None:
    framing, transaction = asking(MbapAnyTransaction)
    assert framing.feed(reply(transaction) + reply(0, data=bytes(6))) == DATA
    assert framing.unread == len(reply(0))
