"""Waiting for bytes: one alarm serves many waits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from connectors.errors import LinkDown
from connectors.modbus.transport import Inbox


class Quiet(Inbox):
    def _close(self) -> None:
        self.closed.set()


def in_time(wait: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(5):
            await wait(Quiet("here"))

    asyncio.run(main())


async def took(inbox: Inbox, limit_s: float) -> float:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(TimeoutError):
        await inbox.receive(limit_s)
    return loop.time() - begun


@pytest.mark.parametrize("limits", [(0.02, 0.05), (0.05, 0.02)], ids=["longer", "shorter"])
def test_every_wait_has_its_own_limit(limits: tuple[float, float]) -> None:
    async def wait(inbox: Quiet) -> None:
        first, second = [await took(inbox, limit) for limit in limits]
        assert limits[0] - 0.002 <= first
        assert limits[1] - 0.002 <= second

    in_time(wait)


def test_the_alarm_of_an_answered_wait_does_not_end_the_next_one() -> None:
    async def wait(inbox: Quiet) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, inbox._put, b"a")
        assert await inbox.receive(0.04) == b"a"
        loop.call_later(0.06, inbox._put, b"b")  # after the first alarm
        assert await inbox.receive(2) == b"b"
        loop.call_later(0.01, inbox._put, b"c")
        assert await inbox.receive() == b"c"

    in_time(wait)


def test_a_shorter_wait_does_not_last_as_long_as_the_one_before() -> None:
    async def wait(inbox: Quiet) -> None:
        inbox._loop.call_soon(inbox._put, b"a")
        assert await inbox.receive(60) == b"a"
        assert await took(inbox, 0.02) < 2

    in_time(wait)


def test_a_wait_without_limit_outlasts_an_alarm() -> None:
    async def wait(inbox: Quiet) -> None:
        inbox._loop.call_soon(inbox._put, b"a")
        assert await inbox.receive(0.01) == b"a"
        inbox._loop.call_later(0.04, inbox._put, b"b")
        assert await inbox.receive() == b"b"

    in_time(wait)


def test_the_end_ends_the_wait() -> None:
    async def wait(inbox: Quiet) -> None:
        inbox._loop.call_soon(inbox.abort)
        with pytest.raises(LinkDown, match="dropped by this side"):
            await inbox.receive(60)
        assert inbox._alarm is None

    in_time(wait)


def test_a_cancelled_wait_loses_nothing() -> None:
    async def wait(inbox: Quiet) -> None:
        waiting = asyncio.create_task(inbox.receive(60))
        await asyncio.sleep(0)
        inbox._put(b"a")  # the wait is over, and its task has not run since
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert await inbox.receive(60) == b"a"

    in_time(wait)
