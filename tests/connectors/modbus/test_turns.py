from __future__ import annotations

import asyncio

import pytest

from connectors.modbus.turns import Turns


def test_the_earliest_deadline_is_next_and_of_equal_ones_the_one_that_came_first() -> None:
    order: list[str] = []

    async def use(turns: Turns, name: str, deadline: int) -> None:
        async with turns.turn(deadline):
            order.append(name)

    async def main() -> None:
        turns = Turns()
        async with asyncio.TaskGroup() as tasks, turns.turn(90):
            order.append("first")
            for name, deadline in (("late", 50), ("soon", 10), ("soon too", 10), ("mid", 30)):
                tasks.create_task(use(turns, name, deadline))
                await asyncio.sleep(0)

    asyncio.run(main())
    assert order == ["first", "soon", "soon too", "mid", "late"]


def test_two_never_hold_it_at_once() -> None:
    held = [0]

    async def use(turns: Turns, deadline: int) -> None:
        for _ in range(5):
            async with turns.turn(deadline):
                held[0] += 1
                assert held[0] == 1
                await asyncio.sleep(0)
                held[0] -= 1

    async def main() -> None:
        turns = Turns()
        async with asyncio.TaskGroup() as tasks:
            for deadline in range(6):
                tasks.create_task(use(turns, deadline % 3))

    asyncio.run(main())


@pytest.mark.parametrize("granted", [False, True], ids=["while it waits", "when it was just granted"])
def test_one_that_is_cancelled_hands_on(*, granted: bool) -> None:
    async def main() -> None:
        turns = Turns()
        release = asyncio.Event()

        async def hold() -> None:
            async with turns.turn(0):
                await release.wait()

        async def wait() -> str:
            async with turns.turn(1):
                return "held"

        holder = asyncio.create_task(hold())
        await asyncio.sleep(0)
        doomed, heir = asyncio.create_task(wait()), asyncio.create_task(wait())
        await asyncio.sleep(0)
        if granted:
            release.set()
            await holder  # hands on to the doomed one, which has not run since
        doomed.cancel()
        release.set()
        async with asyncio.timeout(1):
            assert await heir == "held"
        assert doomed.cancelled() or doomed.result() == "held"
        async with asyncio.timeout(1), turns.turn(9):
            pass

    asyncio.run(main())
