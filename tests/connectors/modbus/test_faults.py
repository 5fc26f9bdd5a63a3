"""Fault A16, what always holds, and D6, against scripted bytes on a real socket: never a wrong value as a good one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from connectors import status
from tests.connectors.modbus.faults import MS, RIGHT, TAGS

pytestmark = pytest.mark.integration


def test_a16_an_illegal_gap_splits_its_block_once_and_is_remembered(peer: Any, running: Any) -> None:
    async def script(asked: Any, writer: Any) -> None:
        *_, start, count = asked.fields
        writer.write(asked.exception(2) if start <= 15 < start + count else asked.answer())

    async def main() -> None:
        tags = {"a": "holding:10:uint16", "b": "holding:12:float32", "c": "holding:18:uint16"}
        async with peer(script) as server, running(server.port, tags, merge_gap=50) as run:
            await run.polls(3)
        assert (run.batches[0].status == status.GOOD).all(), "all other tags are good in the same poll"
        asked = [request.fields[3:] for request in server.asked]
        assert asked[:3] == [(10, 9), (10, 4), (18, 1)]
        assert set(asked[3:]) == {(10, 4), (18, 1)}, "and nobody reads through it again"

    asyncio.run(main())


def test_a16_an_illegal_tag_is_set_aside_and_costs_its_neighbours_nothing(peer: Any, running: Any) -> None:
    async def script(asked: Any, writer: Any) -> None:
        *_, start, count = asked.fields
        writer.write(asked.exception(2) if start <= 13 < start + count else asked.answer())

    async def main() -> None:
        tags = {f"r{i}": f"holding:{i}:uint16" for i in range(10, 18)}
        async with peer(script) as server, running(server.port, tags) as run:
            await run.polls(3)
        run.never_wrong({name: 1000.0 + int(name[1:]) for name in tags})
        for batch in run.batches:
            assert batch.tag[batch.status != status.GOOD].tolist() == [3]
        # Later polls: one request on each side of it, none for it until its probe.
        assert {request.fields[3:] for request in server.asked[-2:]} == {(10, 3), (14, 4)}

    asyncio.run(main())


def test_every_poll_brings_every_tag_exactly_once(peer: Any, running: Any) -> None:
    async def erratic(asked: Any, writer: Any) -> None:
        match asked.number % 7:
            case 2:
                writer.write(asked.exception(asked.number % 11 + 1))
            case 4:
                writer.transport.abort()
            case 5:
                writer.write(asked.answer(unit=9))
            case 6:
                pass
            case _:
                writer.write(asked.answer())

    async def main() -> None:
        tags = TAGS | {f"x{i}": f"holding:{300 + 2 * i}:uint16" for i in range(10)}
        async with peer(erratic) as server, running(server.port, tags, timeout=20 * MS) as run:
            await run.polls(25)
        run.never_wrong(RIGHT | {f"x{i}": 1300.0 + 2 * i for i in range(10)})
        for batch in run.batches:
            assert sorted(batch.tag.tolist()) == list(range(13))
        assert run.driver.counters()["samples"] == 13 * len(run.batches)

    asyncio.run(main())


def test_d6_only_reads_are_ever_sent(peer: Any, running: Any) -> None:
    tags = {
        "a": "coil:3",
        "b": "discrete:4",
        "c": "input:5:float32",
        "d": "holding:6:bit3",
        "e": "holding:9:float64:GHEFCDAB",
    }

    async def script(asked: Any, writer: Any) -> None:
        _, _, function, _, count = asked.fields
        writer.write(asked.answer(bytes((count + 7) // 8) if function in (1, 2) else None))
        if asked.number % 5 == 0:
            writer.write(asked.exception(6))  # provokes the ways through retries and reconnects as well

    async def main() -> None:
        async with peer(script) as server, running(server.port, tags) as run:
            with contextlib.suppress(TimeoutError):
                await run.polls(8)
        assert len(server.asked) > 20
        assert {len(asked.adu) for asked in server.asked} == {12}
        assert {asked.adu[7] for asked in server.asked} == {1, 2, 3, 4}
        assert {asked.adu[4:7] for asked in server.asked} == {b"\x00\x06\x07"}

    asyncio.run(main())
