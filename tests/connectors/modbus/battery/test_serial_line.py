"""What is particular to a serial line."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from connectors.errors import BadReply, EndpointUnreachable, NoReply
from connectors.modbus.address import Table
from connectors.modbus.endpoint import connect
from tests.connectors.modbus.battery.servers import MS, master_of

pytestmark = [pytest.mark.integration, pytest.mark.faults]


def test_a_serial_line_is_silent_before_it_is_asked_again(device: Any) -> None:
    """Two time-outs of 80 ms: nothing is sent in the silence after the first one, and none is taken for an answer."""
    times: list[float] = []

    async def mute_once(asked: Any, line: Any) -> None:
        times.append(time.monotonic())
        if asked.number > 1:
            line.write(asked.answer())

    async def main() -> None:
        async with device("rtu", mute_once) as fake:
            master = await master_of(fake.endpoint)
            began = time.monotonic()
            with pytest.raises(NoReply):
                await master.read(7, Table.HOLDING, 0, 2)
            await master.read(7, Table.HOLDING, 0, 2)
            master.abort()
            assert times[0] - began >= 0.08, "a new line is listened to first"
            assert times[1] - times[0] >= 0.16, "the time-out, and as long again"

    asyncio.run(main())


def test_a_serial_line_that_is_never_silent_is_not_asked_and_not_waited_on_for_ever(device: Any) -> None:
    lines: list[Any] = []

    async def mute(asked: Any, line: Any) -> None:
        lines.append(line)

    async def babble() -> None:
        while True:
            lines[0].write(b"\x55")
            await asyncio.sleep(0.02)

    async def main() -> None:
        async with device("rtu", mute) as fake:
            master = await master_of(fake.endpoint)
            with pytest.raises(NoReply):
                await master.read(7, Table.HOLDING, 0, 2)
            babbling = asyncio.create_task(babble())
            with pytest.raises(BadReply, match="nobody asked for"):
                await asyncio.wait_for(master.read(7, Table.HOLDING, 0, 2), 2)
            babbling.cancel()
            assert len(fake.asked) == 1
            assert not master.ended
            master.abort()

    asyncio.run(main())


def test_a_port_that_is_in_use_is_refused(device: Any) -> None:
    async def main() -> None:
        async with device("rtu") as fake:
            first = await connect(fake.endpoint, 100 * MS)
            with pytest.raises(EndpointUnreachable):
                await connect(fake.endpoint, 100 * MS)
            first.abort()
            (await connect(fake.endpoint, 100 * MS)).abort()

    asyncio.run(main())
