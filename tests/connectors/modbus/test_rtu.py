from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import BadReply, DeviceException
from connectors.modbus.address import Table
from connectors.modbus.rtu import RtuExchange, crc16, frame_silence_s, seal


def test_the_check_sum_is_that_of_the_specification() -> None:
    # Modbus over Serial Line V1.02, 6.2.2: unit 2, function 7, sent as 41 12
    assert seal(bytes.fromhex("0207")) == bytes.fromhex("02074112")


def test_a_request_is_that_of_the_application_protocol_with_unit_and_check_sum() -> None:
    request = RtuExchange(17, Table.HOLDING, 0x6B, 3).request
    assert request[:6] == bytes.fromhex("1103006B0003")
    assert request[6:] == bytes.fromhex("7687")


@given(st.binary(min_size=1, max_size=254), st.integers(0, 2047))
def test_any_flipped_bit_shows_in_the_check_sum(body: bytes, bit: int) -> None:
    frame = bytearray(seal(body))
    frame[bit // 8 % len(frame)] ^= 1 << bit % 8
    assert crc16(frame) != 0
    assert crc16(seal(body)) == 0


@pytest.mark.parametrize(
    ("baudrate", "bits", "seconds"),
    [(9_600, 11, 0.00401), (19_200, 11, 0.002005), (19_201, 11, 0.00175), (115_200, 10, 0.00175)],
)
def test_frames_are_apart_by_three_and_a_half_characters(baudrate: int, bits: int, seconds: float) -> None:
    assert frame_silence_s(baudrate, bits) == pytest.approx(seconds, rel=1e-3)


@given(st.lists(st.integers(1, 9), min_size=1))
def test_a_reply_survives_any_cutting(cuts: list[int]) -> None:
    exchange = RtuExchange(17, Table.HOLDING, 0x6B, 3)
    frame, i = seal(bytes.fromhex("110306022B00000064")), 0
    assert len(frame) == exchange.reply_size
    while frame:
        assert exchange.payload() is None
        size = cuts[i % len(cuts)]
        exchange.feed(frame[:size])
        frame, i = frame[size:], i + 1
    assert exchange.payload() == bytes.fromhex("022B00000064")


@pytest.mark.parametrize(
    ("reply", "field"),
    [
        (b"\x12", "unit id"),  # refused before it is complete
        (seal(bytes.fromhex("110406022B00000064")), "function code"),
        (seal(bytes.fromhex("1103040000000000")), "byte count"),
        (seal(bytes.fromhex("110306022B00000064")) + b"\x00", "length"),
        (seal(bytes.fromhex("110306022B00000064")) * 2, "length"),
        (bytes.fromhex("110306022B000000640000"), "check sum"),
        (bytes.fromhex("1183020000"), "check sum"),
        (seal(bytes.fromhex("118302")) + b"\x11", "length"),
        (seal(bytes.fromhex("118402")), "function code"),
    ],
)
def test_a_reply_that_is_not_the_answer_is_refused(reply: bytes, field: str) -> None:
    exchange = RtuExchange(17, Table.HOLDING, 0x6B, 3)
    exchange.feed(reply)
    with pytest.raises(BadReply) as caught:
        exchange.payload()
    assert caught.value.field == field


def test_an_exception_keeps_its_code() -> None:
    exchange = RtuExchange(17, Table.HOLDING, 0x6B, 3)
    exchange.feed(seal(bytes.fromhex("118302")))
    with pytest.raises(DeviceException) as caught:
        exchange.payload()
    assert caught.value.code == 2


def test_an_echo_that_looks_like_a_reply_is_refused() -> None:
    """Start 0x03.., 24 coils: unit, function, "3 bytes follow", three bytes, a good check sum - and all of it ours."""
    exchange = RtuExchange(17, Table.COIL, 0x0305, 24)
    assert len(exchange.request) == exchange.reply_size
    exchange.feed(exchange.request)
    with pytest.raises(BadReply) as caught:
        exchange.payload()
    assert caught.value.field == "bytes of our own request"


@given(st.sampled_from(Table), st.integers(1, 125), st.binary(max_size=256))
def test_whatever_comes_is_the_right_number_of_bytes_or_an_error(table: Table, count: int, data: bytes) -> None:
    exchange = RtuExchange(17, table, 0, count)
    exchange.feed(data)
    try:
        payload = exchange.payload()
    except (BadReply, DeviceException):
        return
    assert payload is None or len(payload) == ((count + 7) // 8 if table.of_bits else 2 * count)
