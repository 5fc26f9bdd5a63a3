from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.modbus.address import Table
from connectors.modbus.bus_time import Cost, SerialLine, TcpLine, cycle, exchange, share
from connectors.modbus.plan import Request


def registers(count: int) -> Request:
    return Request(Table.HOLDING, 0, count, ())


@pytest.mark.parametrize(
    ("baud", "overhead_ms", "per_register_ms", "full_ms"),
    [  # by hand: 13 characters, two silences and 10 ms; 2 characters a register
        (9_600, 32.9, 2.29, 319),
        (19_200, 21.5, 1.15, 165),
        (38_400, 17.2, 0.57, 89),
        (115_200, 14.7, 0.19, 39),
    ],
)
def test_a_serial_exchange(baud: int, overhead_ms: float, per_register_ms: float, full_ms: float) -> None:
    line = SerialLine(baud)
    one, two = exchange(registers(1), line), exchange(registers(2), line)
    per_register = two.seconds - one.seconds
    assert per_register * 1e3 == pytest.approx(per_register_ms, abs=0.005)
    assert (one.seconds - per_register) * 1e3 == pytest.approx(overhead_ms, abs=0.06)
    assert exchange(registers(125), line).seconds * 1e3 == pytest.approx(full_ms, abs=0.5)


def test_bytes_are_those_of_the_frames() -> None:
    rtu = exchange(registers(3), SerialLine(9_600))
    assert (rtu.sent, rtu.received) == (len(bytes.fromhex("01 03 0000 0003 05CB")), 5 + 6)
    tcp = exchange(registers(3), TcpLine())
    assert (tcp.sent, tcp.received) == (12, 9 + 6)
    assert [exchange(Request(Table.COIL, 0, n, ()), TcpLine()).received for n in (1, 8, 9, 2000)] == [10, 10, 11, 259]


def test_silence_is_fixed_above_19200_baud() -> None:
    assert SerialLine(19_200).silence_s == pytest.approx(0.002005, abs=1e-6)
    assert SerialLine(19_201).silence_s == 0.00175
    assert SerialLine(9_600, 10).silence_s == pytest.approx(3.5 * 10 / 9_600)


def test_a_cycle_is_the_sum_and_its_share_that_of_its_interval() -> None:
    line = TcpLine(round_trip_s=0.02, pause_s=0.005)
    total = cycle([registers(1), registers(10)], line)
    assert total == Cost(2, 24, 9 + 2 + 9 + 20, 0.05)
    assert share(total, timedelta(seconds=1)) == pytest.approx(0.05)
    assert share(total, timedelta(milliseconds=25)) == pytest.approx(2)
    assert cycle([], line) == Cost()
