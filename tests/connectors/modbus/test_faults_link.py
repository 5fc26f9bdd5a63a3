"""Faults A17, A18 and M1 on a real socket: connections that end, hang or never come."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from connectors import status
from tests.connectors.modbus.faults import MS, RIGHT, TAGS

pytestmark = pytest.mark.integration


def test_a17_a_device_that_hangs_up_when_idle_costs_no_poll(peer: Any, running: Any) -> None:
    async def main() -> None:
        async with peer() as server, running(server.port, TAGS) as run:
            for _ in range(3):
                await run.polls(1)
                server.drop_connections()
            await run.polls(2)
            assert server.connections == 4
        assert all((batch.status == status.GOOD).all() for batch in run.batches)
        assert run.notices == []

    asyncio.run(main())


def test_a17_the_pause_is_kept_on_one_connection(peer: Any, running: Any) -> None:
    times: list[float] = []

    async def script(asked: Any, writer: Any) -> None:
        times.append(asyncio.get_running_loop().time())
        writer.write(asked.answer())

    async def main() -> None:
        settings = {"pause": 20 * MS, "poll_interval": 60 * MS}
        async with peer(script) as server, running(server.port, TAGS, **settings) as run:
            await run.polls(3)
            assert server.connections == 1
        assert np.diff(times).min() >= 0.0195

    asyncio.run(main())


def test_m1_a_frozen_device_is_bad_in_time_and_loses_its_link(peer: Any, running: Any) -> None:
    async def main() -> None:
        async with peer() as server, running(server.port, TAGS) as run:
            await run.polls(2)

            async def silence(asked: Any, writer: Any) -> None:
                pass

            honest, server.script = server.script, silence
            await run.until(lambda: server.connections >= 2)
            server.script = honest
            await run.until(lambda: run.notices)
            await run.polls(1)
        run.never_wrong(RIGHT)
        codes = {int(code) for batch in run.batches for code in batch.status}
        assert codes >= {status.BAD_TIMEOUT, status.GOOD}
        assert run.driver.counters()["polls_skipped"] > 0
        assert (run.batches[-1].status == status.GOOD).all()

    asyncio.run(main())


def test_a18_link_loss_shows_in_every_poll_and_as_one_gap(peer: Any, running: Any) -> None:
    async def main() -> None:
        async with peer() as server, running(server.port, TAGS) as run:
            await run.polls(2)
            await server.stop()
            await run.polls(5)
            during = run.batches[-4:]
            await server.start()
            await run.until(lambda: run.notices)
            await run.polls(1)
        assert all((batch.status == status.BAD_NO_COMMUNICATION).all() for batch in during)
        assert all(np.isnan(batch.value).all() for batch in during)
        [gap] = run.notices
        assert (gap.kind, gap.asset, gap.reason, gap.source) == ("gap", "pump", "link_down", "plc")
        before = [
            batch for batch in run.batches if (batch.status == status.GOOD).all() and batch.received_time < gap.end
        ]
        after = next(batch for batch in run.batches if batch.received_time > gap.end)
        assert gap.start == before[-1].source_time.max()
        assert gap.end == after.source_time.min()
        assert all(gap.start < batch.source_time.min() < gap.end for batch in during)

    asyncio.run(main())


def test_a18_a_device_that_is_not_there_yet_is_found_later(peer: Any, running: Any) -> None:
    async def main() -> None:
        server = peer()
        await server.start()
        await server.stop()  # a port that is free and known
        async with running(server.port, TAGS) as run:
            await run.polls(3)
            assert all((batch.status == status.BAD_NO_COMMUNICATION).all() for batch in run.batches)
            await server.start()
            await run.until(lambda: run.notices)
            await run.polls(1)
            await server.stop()
        assert (run.batches[-2].status == status.GOOD).any() or (run.batches[-1].status == status.GOOD).any()

    asyncio.run(main())


def test_a_port_that_accepts_and_hangs_up_is_not_hammered(peer: Any, running: Any) -> None:
    async def main() -> None:
        async with peer() as server:

            async def hang_up(asked: Any, writer: Any) -> None:
                writer.transport.abort()

            server.script = hang_up
            async with running(server.port, TAGS, poll_interval=10 * MS):
                await asyncio.sleep(0.6)
            assert server.connections <= 12, "10, 20, 40, 80, then every 100 ms, each 20 % less or more"
            assert server.connections >= 4

    asyncio.run(main())
