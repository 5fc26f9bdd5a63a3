"""Fault A15 against scripted bytes on a real socket: replies that are wrong, late, cut or refusals."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from connectors import status
from tests.connectors.modbus.faults import MS, RIGHT, TAGS, first_time

pytestmark = pytest.mark.integration


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
