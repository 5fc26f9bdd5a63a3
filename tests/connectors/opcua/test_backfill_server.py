"""Holes read from the history of a real server, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest

from connectors.opcua.settings import OpcUaTag
from connectors.samples import NoticeKind, Origin, SampleBatch

pytestmark = pytest.mark.integration
MakePlant = Callable[..., Any]  # of conftest.py, as is `rig`
NAMES = ("tick", "wave", "setpoint")


def _ticks(run: Any, table: Any, *origins: Origin) -> list[float]:
    return [
        float(value)
        for block in run.items
        if isinstance(block, SampleBatch) and block.origin in origins
        for value, tag, code in zip(block.value, block.tag, block.status, strict=True)
        if tag == table.index("tick") and code < 1 << 30
    ]


def _backfills(run: Any) -> list[Any]:
    return [n for n in run.notices() if n.kind is NoticeKind.BACKFILL and n.reason != "advanced"]


def _settings(rig: ModuleType, port: int, *names: str, **changes: object) -> Any:
    tags = tuple(OpcUaTag("pump", name, f"nsu={rig.PLANT};s={name}", queue_size=2) for name in names)
    return replace(rig.make_settings(port, session_timeout=timedelta(seconds=1), **changes), tags=tags)


@pytest.mark.slow
def test_a_cut_longer_than_session_and_queues_is_filled_without_a_hole_or_a_duplicate(
    rig: ModuleType, plant: MakePlant
) -> None:
    """A6, A4: the session has expired, the queues held two values; every tick there is all the same, once."""

    async def scenario() -> None:
        server = plant("--history")
        async with rig.proxied(server.port) as proxy, rig.running(_settings(rig, proxy.port, *NAMES)) as run:
            await run.until(lambda: len(run.good("tick")) > 5, "ticks")
            proxy.mode = "refuse"
            proxy.cut()
            await asyncio.sleep(7)  # this server keeps a session for 5 s at least, and a busy one for longer
            proxy.mode = "pass"
            await run.until(lambda: len(_backfills(run)) == 1, "the end of the backfill")
            (gap,) = [n for n in run.notices() if n.kind is NoticeKind.GAP]
            (told,) = _backfills(run)
            live, filled = (_ticks(run, rig.TABLE, *o) for o in ((Origin.LIVE,), (Origin.BACKFILLED,)))
            assert len(filled) > 40
            both = sorted(live + filled)
            # The newest values that were on their way are on none of the two sides of what is compared here.
            assert both == [both[0] + i for i in range(len(both))]
            assert told.reason == "partly"  # the setpoint has no history
            assert "setpoint" in told.detail
            assert told.start == gap.start
            counters = run.driver.counters()
            assert counters["backfilled_values"] == told.count == len(filled) * 9  # and 8 elements of the wave
            assert (counters["backfill_finished"], counters.get("backfill_failed", 0)) == (1, 0)

    asyncio.run(scenario())


@pytest.mark.slow
def test_a_link_that_breaks_again_resumes_the_backfill_where_it_was(rig: ModuleType, plant: MakePlant) -> None:
    """A6: what was read before the second break is not read twice, what was not is read after it."""

    async def scenario() -> None:
        server = plant("--history")
        async with rig.proxied(server.port) as proxy:
            settings = _settings(rig, proxy.port, "tick", backfill_rate=20)
            async with rig.running(settings) as run:

                def filled() -> int:
                    return len(_ticks(run, rig.TABLE, Origin.BACKFILLED))

                await run.until(lambda: len(run.good("tick")) > 5, "ticks")
                for least in (20, 60):
                    proxy.mode = "refuse"
                    proxy.cut()
                    await asyncio.sleep(3)
                    proxy.mode = "pass"
                    await run.until(lambda least=least: filled() >= least, "backfill")  # type: ignore[misc]
                    assert least > 20 or not _backfills(run)  # the second break comes in the middle
                await run.until(lambda: len(_backfills(run)) == 2, "both holes", 30)
                assert [n.reason for n in _backfills(run)] == ["finished"] * 2
                both = sorted(_ticks(run, rig.TABLE, Origin.LIVE, Origin.BACKFILLED))
                assert both == [both[0] + i for i in range(len(both))]

    asyncio.run(scenario())


@pytest.mark.parametrize("arguments", [(), ("--history",)])
@pytest.mark.slow
def test_a_server_without_history_and_a_link_without_backfill_leave_the_hole_to_the_gap(
    rig: ModuleType, plant: MakePlant, arguments: tuple[str, ...]
) -> None:
    async def scenario() -> None:
        server = plant(*arguments)
        settings = _settings(rig, server.port, "tick", backfill=not arguments)
        async with rig.running(settings) as run:
            await run.until(lambda: len(run.good("tick")) > 3, "ticks")
            before = len(run.items)
            server.kill()
            await server.start_again()
            await run.until(lambda: len(run.good("tick", since=before)) > 60, "ticks again")
            assert [n.kind for n in run.notices()] == [NoticeKind.GAP]
            assert run.driver.counters().get("backfill_impossible", 0) == (not arguments)
            assert not _ticks(run, rig.TABLE, Origin.BACKFILLED)

    asyncio.run(scenario())
