"""One look for all pages, only while somebody looks, and each page is told what it does not know."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from edge_gateway.page import hub as hub_module
from edge_gateway.page.hub import Hub


class Gateway:
    """Gives one look after the other; the last one for ever."""

    def __init__(self, *looks: Mapping[str, Any]) -> None:
        self.looks = list(looks)
        self.looked = 0
        self.rested = 0

    def look(self) -> Mapping[str, Any]:
        self.looked += 1
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def rest(self) -> None:
        self.rested += 1


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "EVERY_S", 0.001)


async def take(hub: Hub, count: int) -> list[str]:
    events = hub.events()
    try:
        return [await anext(events) for _ in range(count)]
    finally:
        await events.aclose()


def test_a_section_is_told_again_only_when_it_has_changed() -> None:
    gateway = Gateway({"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 3, "b": 2})
    told = asyncio.run(take(Hub(gateway.look, gateway.rest), 5))
    assert told == [
        "retry: 2000\n\n",
        "event: a\ndata: 1\n\n",
        "event: b\ndata: 1\n\n",
        "event: b\ndata: 2\n\n",
        "event: a\ndata: 3\n\n",
    ]


def test_nobody_looks_no_more_than_anybody_looks() -> None:
    gateway = Gateway({"a": 1})

    async def main() -> str:
        hub = Hub(gateway.look, gateway.rest)
        assert gateway.looked == 0
        await take(hub, 2)
        assert hub._looking is not None
        await hub._looking
        assert gateway.rested == 1
        looked = gateway.looked
        await asyncio.sleep(0.02)
        assert gateway.looked == looked
        gateway.looks = [{"a": 2}]
        return (await take(hub, 3))[2]

    assert asyncio.run(main()) == "event: a\ndata: 2\n\n", "and looks again for the next one"


def test_streams_end_when_the_page_does() -> None:
    stopped: list[int] = []

    async def main() -> int:
        hub = Hub(lambda: {"a": len(stopped)}, lambda: None, lambda: bool(stopped))
        count = 0
        async for _ in hub.events():
            count += 1
            if count == 2:
                stopped.append(1)
        return count

    assert asyncio.run(main()) == 2


def test_a_look_that_fails_ends_nothing() -> None:
    calls: list[int] = []

    def look() -> Mapping[str, Any]:
        calls.append(1)
        if len(calls) == 1:
            raise OSError(5, "no")
        return {"a": 1}

    told = asyncio.run(take(Hub(look, lambda: None), 2))
    assert told[1] == "event: a\ndata: 1\n\n"


def test_there_are_no_more_pages_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MOST_PAGES", 1)

    async def main() -> bool:
        hub = Hub(lambda: {"a": 1}, lambda: None)
        events = hub.events()
        await anext(events)
        full = hub.full
        await events.aclose()
        return full and not hub.full

    assert asyncio.run(main())


def test_a_number_that_json_does_not_know_is_never_sent() -> None:
    async def main() -> None:
        hub = Hub(lambda: {"a": float("nan")}, lambda: None)
        task = asyncio.create_task(take(hub, 2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        looking = hub._looking
        assert looking is not None
        with pytest.raises(ValueError, match="not JSON compliant"):
            await looking
        task.cancel()

    asyncio.run(main())
