from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import BadReply, DeviceException
from connectors.modbus.address import Table
from connectors.modbus.protocol import FUNCTION_CODES, Deframer, Frame, read_payload, read_request

FRAMES = st.builds(Frame, st.integers(0, 65_535), st.integers(0, 255), st.binary(min_size=2, max_size=253))


def test_requests_are_those_of_the_specification() -> None:
    # V1.1b3: the examples of 6.1, 6.2, 6.3, 6.4
    assert read_request(Table.COIL, 0x13, 0x13) == bytes.fromhex("0100130013")
    assert read_request(Table.DISCRETE, 0xC4, 0x16) == bytes.fromhex("0200C40016")
    assert read_request(Table.HOLDING, 0x6B, 3) == bytes.fromhex("03006B0003")
    assert read_request(Table.INPUT, 8, 1) == bytes.fromhex("0400080001")


def test_replies_are_those_of_the_specification() -> None:
    assert read_payload(Table.COIL, 0x13, bytes.fromhex("0103CD6B05")) == bytes.fromhex("CD6B05")
    assert read_payload(Table.DISCRETE, 0x16, bytes.fromhex("0203ACDB35")) == bytes.fromhex("ACDB35")
    assert read_payload(Table.HOLDING, 3, bytes.fromhex("0306022B00000064")) == bytes.fromhex("022B00000064")
    assert read_payload(Table.INPUT, 1, bytes.fromhex("0402000A")) == bytes.fromhex("000A")


def test_only_reads_exist() -> None:
    assert sorted(FUNCTION_CODES.values()) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("pdu", "field"),
    [
        ("0406022B00000064", "function code"),  # T5: another function's reply
        ("0304022B0000", "byte count"),  # T4: fewer registers than asked for
        ("0306022B0000", "length"),  # truncated
        ("0306022B0000006400", "length"),  # too long
        ("0300", "byte count"),  # jsmodbus answers so out of range
        ("8302FF", "length of an exception"),
        ("8402", "function code"),  # an exception, but to another function
        ("0606022B00000064", "function code"),
    ],
)
def test_a_reply_that_is_not_the_answer_is_refused(pdu: str, field: str) -> None:
    with pytest.raises(BadReply) as caught:
        read_payload(Table.HOLDING, 3, bytes.fromhex(pdu))
    assert caught.value.field == field


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 8, 0x0A, 0x0B, 0x77])
def test_exceptions_keep_their_code(code: int) -> None:
    with pytest.raises(DeviceException) as caught:
        read_payload(Table.HOLDING, 3, bytes([0x83, code]))
    assert caught.value.code == code


@given(st.sampled_from(Table), st.integers(1, 125), st.binary(min_size=2, max_size=253))
def test_whatever_comes_is_the_right_number_of_bytes_or_an_error(table: Table, count: int, pdu: bytes) -> None:
    try:
        payload = read_payload(table, count, pdu)
    except (BadReply, DeviceException):
        return
    assert len(payload) == ((count + 7) // 8 if table.of_bits else 2 * count)
    assert pdu[0] == FUNCTION_CODES[table]


@given(st.lists(FRAMES, max_size=5), st.lists(st.integers(1, 40), min_size=1))
def test_frames_survive_any_cutting(frames: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(frame.encode() for frame in frames)
    deframer, got, i = Deframer(), [], 0
    while stream:
        size = cuts[i % len(cuts)]
        deframer.feed(stream[:size])
        stream, i = stream[size:], i + 1
        while (frame := deframer.next()) is not None:
            got.append(frame)
    assert got == frames


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("0001 0001 0006 01", "protocol id"),
        ("0001 0000 0002 01", "length field"),
        ("0001 0000 00FF 01", "length field"),
        ("4854 5450 2F31 2E", "protocol id"),  # "HTTP/1."
    ],
)
def test_what_is_no_frame_is_refused_by_its_header(header: str, field: str) -> None:
    deframer = Deframer()
    deframer.feed(bytes.fromhex(header))
    with pytest.raises(BadReply) as caught:
        deframer.next()
    assert caught.value.field == field
