from __future__ import annotations

import asyncio
import struct
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import BadReply
from connectors.modbus.address import Table
from connectors.modbus.master import Master
from connectors.modbus.transport_tcp import connect_tcp

SECOND = timedelta(seconds=1)


def test_a_doubled_reply_without_a_number_is_never_taken_for_the_next_answer(peer: Any) -> None:
    """Both in one segment: then the second is in no buffer of the system any more when the next request is sent."""

    async def twice(asked: Any, writer: Any) -> None:
        writer.write(2 * asked.answer(transaction=0))

    async def main() -> None:
        async with peer(twice) as server:
            transport = await connect_tcp("127.0.0.1", server.port, SECOND)
            counts: Counter[str] = Counter()
            master = Master(
                transport,
                counts,
                timeout=timedelta(milliseconds=20),
                pause=timedelta(0),
                monotonic=time.monotonic_ns,
                transaction_id="ignore",
            )
            first = await master.read(1, Table.HOLDING, 10, 1)
            assert first.payload == struct.pack(">H", 1010)
            with pytest.raises(BadReply, match="nobody asked for"):
                await master.read(1, Table.HOLDING, 20, 1)
            assert master.ended
            assert counts["bad_replies"] == 1

    asyncio.run(main())
