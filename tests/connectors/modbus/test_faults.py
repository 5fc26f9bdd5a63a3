"""Faults A14-A18 and D6 against scripted bytes on a real socket: never a wrong value as a good one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from connectors import status

pytestmark = pytest.mark.integration

TAGS = {"flow": "holding:10:uint16", "head": "holding:11:uint16", "level": "input:40:uint16"}
RIGHT = {"flow": 1010.0, "head": 1011.0, "level": 1040.0}
MS = timedelta(milliseconds=1)


def first_time(action: Callable[[Any, Any], Awaitable[None] | None], *, of_function: int = 3) -> Any:
    """A script that does something odd once, to the second request with this function code, and is honest else."""
    seen = [0]

    async def script(asked: Any, writer: Any) -> None:
        seen[0] += asked.fields[2] == of_function
        if asked.fields[2] == of_function and seen[0] == 2:
            result = action(asked, writer)
            if result is not None:
                await result
        else:
            writer.write(asked.answer())

    return script


MALFORMED = {
    "wrong transaction id": lambda a: a.answer(transaction=a.fields[0] + 1),
    "transaction id 0": lambda a: a.answer(transaction=0),
    "wrong protocol id": lambda a: a.answer(protocol=1),
    "wrong unit": lambda a: a.answer(unit=8),
    "wrong function": lambda a: a.answer(function=4),
    "write function": lambda a: a.answer(function=6),
    "fewer registers": lambda a: a.answer(a.registers[:2]),
    "more registers": lambda a: a.answer(a.registers + b"\x00\x01"),
    "no registers": lambda a: a.answer(b""),
    "byte count too small": lambda a: a.answer(byte_count=2),
    "byte count too big": lambda a: a.answer(byte_count=6),
    "odd byte count": lambda a: a.answer(a.registers[:3]),
    "length 1": lambda a: a.answer()[:4] + b"\x00\x01" + a.answer()[6:],
    "length 65535": lambda a: a.answer()[:4] + b"\xff\xff" + a.answer()[6:],
    "exception to another function": lambda a: a.answer(b"", function=0x84, byte_count=2),
    "exception with a tail": lambda a: a.exception(2)[:5] + b"\x04" + a.exception(2)[6:] + b"\x00",
    "another protocol": lambda a: b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a15_a_malformed_reply_is_bad_and_drops_the_link(fault: str, peer: Any, running: Any) -> None:
    async def main() -> None:
        script = first_time(lambda asked, writer: writer.write(MALFORMED[fault](asked)))
        async with peer(script) as server, running(server.port, TAGS) as run:
            await run.polls(5)
            assert server.connections == 2
        run.never_wrong(RIGHT)
        codes = {int(code) for batch in run.batches for code in batch.status}
        assert status.BAD_DECODING_ERROR in codes
        assert run.driver.counters()["bad_replies"] == 1
        assert (run.batches[-1].status == status.GOOD).all()

    asyncio.run(main())


@pytest.mark.parametrize("keep", [1, 7, 9, 12])
def test_a15_a_truncated_reply_times_out_and_poisons_nothing(keep: int, peer: Any, running: Any) -> None:
    async def main() -> None:
        script = first_time(lambda asked, writer: writer.write(asked.answer()[:keep]))
        async with peer(script) as server, running(server.port, TAGS) as run:
            await run.polls(8)
        run.never_wrong(RIGHT)
        assert any((batch.status == status.BAD_TIMEOUT).any() for batch in run.batches)
        assert (run.batches[-1].status == status.GOOD).all()

    asyncio.run(main())


def test_a15_late_replies_are_discarded_and_counted(peer: Any, running: Any) -> None:
    async def late(asked: Any, writer: Any) -> None:
        # The true answer of its own time, told apart by its value; it comes with the answer to the next request.
        stale = asked.answer(b"\xde\xad\xbe\xef")
        asyncio.get_running_loop().call_later(0.09, writer.write, stale)

    async def main() -> None:
        async with peer(first_time(late)) as server, running(server.port, TAGS) as run:
            await run.until(lambda: run.driver.counters().get("late_replies", 0) == 1)
            await run.polls(2)
            assert server.connections == 1
        run.never_wrong(RIGHT)
        assert run.driver.counters()["timeouts"] == 1
        assert run.driver.counters().get("bad_replies", 0) == 0

    asyncio.run(main())


def test_late_replies_before_the_good_one_in_one_segment(peer: Any, running: Any) -> None:
    held: list[bytes] = []

    async def script(asked: Any, writer: Any) -> None:
        if asked.number <= 2:
            held.append(asked.answer(b"\xde\xad"))
        else:
            writer.write(b"".join(held) + asked.answer())
            held.clear()

    async def main() -> None:
        settings = {"attempts": 3, "poll_interval": 1000 * MS, "timeout": 60 * MS}
        async with peer(script) as server, running(server.port, {"flow": "input:10:uint16"}, **settings) as run:
            await run.polls(1)
        assert run.batches[0].value.tolist() == [1010.0]
        assert run.driver.counters()["late_replies"] == 2

    asyncio.run(main())


def test_bytes_that_trickle_make_a_reply(peer: Any, running: Any) -> None:
    async def drip(asked: Any, writer: Any) -> None:
        for byte in asked.answer():
            writer.write(bytes([byte]))
            await asyncio.sleep(0.002)

    async def main() -> None:
        async with peer(drip) as server, running(server.port, TAGS, timeout=500 * MS) as run:
            await run.polls(2)
        run.never_wrong(RIGHT)
        assert all((batch.status == status.GOOD).all() for batch in run.batches)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0x01, status.BAD_NOT_SUPPORTED),
        (0x02, status.BAD_CONFIGURATION_ERROR),
        (0x03, status.BAD_OUT_OF_RANGE),
        (0x04, status.BAD_DEVICE_FAILURE),
        (0x05, status.BAD_RESOURCE_UNAVAILABLE),
        (0x06, status.BAD_RESOURCE_UNAVAILABLE),
        (0x08, status.BAD_DEVICE_FAILURE),
        (0x0A, status.BAD_NOT_CONNECTED),
        (0x0B, status.BAD_NO_COMMUNICATION),
        (0x77, status.BAD),
    ],
)
def test_a15_exceptions_become_status_codes_of_their_tags_only(
    code: int, expected: int, peer: Any, running: Any
) -> None:
    async def script(asked: Any, writer: Any) -> None:
        writer.write(asked.exception(code) if asked.fields[2] == 4 else asked.answer())

    async def main() -> None:
        async with peer(script) as server, running(server.port, TAGS) as run:
            await run.polls(2)
            assert server.connections == 1
        run.never_wrong(RIGHT)
        for batch in run.batches:
            codes = dict(zip(batch.tag.tolist(), batch.status.tolist(), strict=True))
            assert codes == {0: status.GOOD, 1: status.GOOD, 2: expected}
        assert run.notices == []

    asyncio.run(main())


def test_a15_a_busy_device_is_asked_once_more_in_the_same_poll(peer: Any, running: Any) -> None:
    busy = first_time(lambda asked, writer: writer.write(asked.exception(6)))

    async def main() -> None:
        async with peer(busy) as server, running(server.port, TAGS) as run:
            await run.polls(4)
        assert run.driver.counters()["exceptions"] == 1
        assert all((batch.status == status.GOOD).all() for batch in run.batches)

    asyncio.run(main())


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


def test_a17_a_device_that_hangs_up_when_idle_costs_no_poll(peer: Any, running: Any) -> None:
    async def main() -> None:
        async with peer() as server, running(server.port, TAGS) as run:
            for _ in range(3):
                await run.polls(1)
                await asyncio.sleep(0.005)
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
