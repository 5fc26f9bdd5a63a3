from __future__ import annotations

import asyncio
import math
import re
import struct
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import connectors.modbus
from connectors import status
from connectors.errors import EndpointUnreachable
from connectors.modbus.address import parse
from connectors.modbus.clock import Clock
from connectors.modbus.driver import ModbusDriver
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.group import next_due
from connectors.modbus.settings import ModbusSettings, ModbusTag, ModbusUnit
from connectors.modbus.transport import Transport, Wire
from connectors.samples import Item, SampleBatch
from connectors.tags import Tag, TagTable

PUMP = TagTable("pump", (Tag("speed"), Tag("flow"), Tag("vibration", waveform=True)))
TANK = TagTable("tank", (Tag("level"),))
SECOND = 1_000_000_000


def settings(*tags: tuple[str, str, str], **changes: Any) -> ModbusSettings:
    mapped = tuple(ModbusTag(asset, tag, parse(address)) for asset, tag, address in tags)
    of_line = {key: changes.pop(key) for key in ("pause", "reconnect_min", "quarantine_min", "name") if key in changes}
    unit = ModbusUnit(tags=mapped, **changes)
    return ModbusSettings(**{"name": "plc", "endpoint": Endpoint(host="device"), "units": (unit,), **of_line})


@given(st.integers(0, 10**15), st.integers(10**7, 10**12), st.integers(0, 10**13))
def test_the_next_poll_is_on_the_grid_and_not_past(due: int, interval: int, took: int) -> None:
    now = due + took
    later, skipped = next_due(due, interval, now)
    assert (later - due) % interval == 0
    assert now <= later < now + interval or (took == 0 and later == due + interval)
    assert skipped == (later - due) // interval - 1


def test_a_poll_that_ends_on_the_dot_skips_nothing() -> None:
    assert next_due(0, SECOND, SECOND) == (SECOND, 0)
    assert next_due(0, SECOND, SECOND + 1) == (2 * SECOND, 1)


class Device:
    """A transport whose device answers every register with its address, and a clock that it moves."""

    wire = Wire()

    def __init__(self) -> None:
        self.now = 0
        self.wall_ahead = 10**18
        self.closed = asyncio.Event()
        self.replies: list[bytes] = []
        self.polled_at: list[int] = []
        self.round_trip = SECOND // 100

    def send(self, data: bytes) -> None:
        transaction, _, _, unit, function, start, count = struct.unpack(">HHHBBHH", data)
        self.polled_at.append(self.now)
        pdu = struct.pack(f">BB{count}H", function, 2 * count, *range(start, start + count))
        self.replies.append(struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu)

    async def receive(self, _limit_s: float | None = None) -> bytes:
        await asyncio.sleep(0)
        self.now += self.round_trip
        return self.replies.pop(0)

    def abort(self) -> None:
        self.closed.set()

    async def connect(self) -> Transport:
        return self

    async def sleep(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)
        await asyncio.sleep(0)

    def clock(self) -> Clock:
        return Clock(lambda: self.now + self.wall_ahead, lambda: self.now, self.sleep)


def collect(driver: ModbusDriver, items: int, on_item: Any = None) -> list[Item]:
    got: list[Item] = []

    async def main() -> None:
        enough = asyncio.Event()

        def emit(item: Item) -> None:
            got.append(item)
            if on_item is not None:
                on_item(item)
            if len(got) >= items:
                enough.set()

        task = asyncio.create_task(driver.run(emit))
        await enough.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    return got[:items]


def test_each_asset_gets_its_tags_in_the_order_of_reading() -> None:
    device = Device()
    tags = [
        ("pump", "flow", "holding:5:uint16*10"),
        ("tank", "level", "holding:4:uint16"),
        ("pump", "speed", "input:3:uint16"),
    ]
    driver = ModbusDriver(settings(*tags), [PUMP, TANK], connect=device.connect, clock=device.clock())
    pump, tank = collect(driver, 2)
    assert isinstance(pump, SampleBatch)
    assert isinstance(tank, SampleBatch)
    assert pump.tags is PUMP
    assert (pump.tag.tolist(), pump.value.tolist()) == ([0, 1], [3, 50])
    assert (tank.tag.tolist(), tank.value.tolist()) == ([0], [4])
    assert (pump.source_time[1:] >= pump.source_time[:-1]).all()
    assert driver.counters()["samples"] == 3


def test_source_time_is_half_way_between_request_and_response() -> None:
    device = Device()
    one = settings(("pump", "flow", "holding:5:uint16"))
    [batch] = collect(ModbusDriver(one, [PUMP], connect=device.connect, clock=device.clock()), 1)
    assert isinstance(batch, SampleBatch)
    assert batch.source_time.tolist() == [10**18 + device.round_trip // 2]
    assert batch.received_time == 10**18 + device.round_trip


def test_a_step_of_the_wall_clock_within_a_poll_does_not_tear_it() -> None:
    device = Device()
    receive = device.receive

    async def stepping(_limit_s: float | None = None) -> bytes:
        device.wall_ahead -= 3600 * SECOND
        return await receive()

    device.receive = stepping  # type: ignore[method-assign]
    two = settings(("pump", "flow", "holding:5:uint16"), ("pump", "speed", "input:5:uint16"))
    [batch] = collect(ModbusDriver(two, [PUMP], connect=device.connect, clock=device.clock()), 1)
    assert isinstance(batch, SampleBatch)
    assert batch.source_time.max() - batch.source_time.min() == device.round_trip
    assert batch.received_time - batch.source_time.max() == device.round_trip // 2


def test_polls_keep_their_grid_and_skipped_ones_are_counted() -> None:
    device = Device()
    one = settings(("pump", "flow", "holding:5:uint16"), poll_interval=timedelta(seconds=1))
    driver = ModbusDriver(one, [PUMP], connect=device.connect, clock=device.clock())

    def slow_down(_: Item) -> None:
        device.round_trip = {0: 3 * SECOND // 10, 1: 25 * SECOND // 10}.get(len(device.polled_at), SECOND // 10)

    collect(driver, 5, slow_down)
    assert device.polled_at[:5] == [0, 1 * SECOND, 4 * SECOND, 5 * SECOND, 6 * SECOND]
    assert driver.counters()["polls_skipped"] == 2


@pytest.mark.parametrize("address", ["holding:32640:float32", "holding:31744:float16"], ids=["nan", "infinity"])
def test_what_is_not_finite_is_bad_and_nan(address: str) -> None:
    device = Device()
    # Registers hold their own address: 0x7F80 7F81 is a NaN as a float32, 0x7C00 the infinity of float16.
    two = settings(("pump", "flow", address), ("pump", "speed", "holding:1:uint16"))
    [batch] = collect(ModbusDriver(two, [PUMP], connect=device.connect, clock=device.clock()), 1)
    assert isinstance(batch, SampleBatch)
    assert batch.status.tolist() == [status.GOOD, status.BAD_SENSOR_FAILURE]
    assert math.isnan(batch.value[1])


def test_without_a_link_every_poll_is_bad() -> None:
    device = Device()

    async def refuse() -> Transport:
        raise EndpointUnreachable("device:502", "refused")

    one = settings(("pump", "flow", "holding:5:uint16"))
    batches = collect(ModbusDriver(one, [PUMP], connect=refuse, clock=device.clock()), 3)
    for batch in batches:
        assert isinstance(batch, SampleBatch)
        assert batch.status.tolist() == [status.BAD_NO_COMMUNICATION]


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        (("mill", "flow", "holding:5:uint16"), "no such asset; there is pump, tank"),
        (("pump", "head", "holding:5:uint16"), "no such tag; the asset has speed, flow, vibration"),
        (("pump", "vibration", "holding:5:uint16"), "waveform"),
    ],
)
def test_tags_that_do_not_fit_the_tables_are_refused(tag: tuple[str, str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ModbusDriver(settings(tag), [PUMP, TANK])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unit_id": 256}, "unit_id = 256: must be 0..255"),
        ({"poll_interval": timedelta(milliseconds=1)}, "at least 10 ms"),
        ({"timeout": timedelta(0)}, "timeout = 0:00:00: must be above 0"),
        ({"attempts": 0}, "attempts = 0"),
        ({"pause": timedelta(seconds=-1)}, "pause"),
        ({"max_registers": 126}, "must be 1..125"),
        ({"max_registers": 1}, "never split"),
        ({"max_bits": 2001}, "must be 1..2000"),
        ({"merge_gap": -1}, "merge_gap"),
        ({"reconnect_min": timedelta(minutes=1)}, "not above reconnect_max"),
        ({"quarantine_min": timedelta(hours=1)}, "not above quarantine_max"),
        ({"name": ""}, "name"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        settings(("pump", "flow", "holding:5:float32"), **changes)


def test_d6_no_write_exists_in_the_code() -> None:
    folder = Path(connectors.modbus.__file__).parent
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    protocol = (folder / "protocol.py").read_text(encoding="utf-8")
    table = re.search(r"FUNCTION_CODES = \{(.*?)\n\}", protocol, re.DOTALL)
    assert table is not None
    assert re.findall(r"0x[0-9A-F]{2}", table[1]) == ["0x01", "0x02", "0x03", "0x04"]
    # Every request goes through one packer, which takes its function code from that table.
    assert len(re.findall(r"_REQUEST\.pack\(", code)) == 1
    assert "_REQUEST.pack(FUNCTION_CODES[table], start, count)" in protocol
    assert len(re.findall(r"\.send\(", code)) == 1
    assert not re.search(r"write_?\s*(single|multiple|coil|register|file|mask)|mask_?write", code, re.IGNORECASE)
