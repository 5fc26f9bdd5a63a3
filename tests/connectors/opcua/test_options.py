"""What a tag can ask for, of a real server: browse path, deadband, polling, heartbeat."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from connectors import status
from connectors.opcua.settings import OpcUaTag
from connectors.samples import NoticeKind

pytestmark = pytest.mark.integration


def test_a_server_does_what_the_tags_ask_for(rig: ModuleType, plant: Callable[..., Any]) -> None:
    server = plant()
    node = f"nsu={rig.PLANT};s="
    poll = timedelta(milliseconds=100)
    tags = (
        OpcUaTag(
            "pump", "tick", "path=/0:Objects/0:tick", deadband=0.5
        ),  # its browse name is in the standard's namespace
        OpcUaTag("pump", "setpoint", f"{node}setpoint", poll_interval=poll),
        OpcUaTag("pump", "bad", f"{node}bad", poll_interval=poll),
        OpcUaTag("pump", "text", f"{node}text", heartbeat=timedelta(seconds=1)),
        OpcUaTag("pump", "absent", "path=/0:Objects/0:absent", poll_interval=poll),
    )

    async def scenario() -> None:
        async with rig.running(dataclasses.replace(rig.make_settings(server.port), tags=tags)) as run:
            await run.until(lambda: len(run.good("tick")) > 3 and len(run.good("setpoint")) > 5, "values")
            await run.until(run.notices, "silence of a declared heartbeat")
        assert (np.diff(run.good("tick")) >= 1.0).all()
        times = [time for _, _, time in run.samples("setpoint")]
        assert set(run.good("setpoint")) == {42.0}
        assert times == sorted(set(times))  # it never changes, and holds at every poll
        assert {code for _, code, _ in run.samples("bad")} == {status.BAD_SENSOR_FAILURE}
        assert {code for _, code, _ in run.samples("absent")} == {0x806F0000}  # BadNoMatch
        assert len(run.samples("absent")) > 3
        (notice,) = run.notices()
        assert (notice.kind, notice.reason) == (NoticeKind.SILENT, "no_value")
        assert "(text)" in notice.detail
        assert run.samples("text")[-1][1] == status.BAD_NO_COMMUNICATION

    asyncio.run(scenario())


def test_a_link_that_only_polls_has_no_subscription_and_comes_back(rig: ModuleType, plant: Callable[..., Any]) -> None:
    server = plant()
    settings = rig.make_settings(server.port, tags=("tick",), poll_interval=timedelta(milliseconds=100))

    async def scenario() -> None:
        async with rig.running(settings) as run:
            await run.until(lambda: len(run.good("tick")) > 3, "values")
            server.kill()
            await run.until(lambda: run.driver.trouble, "a broken link")
            await server.start_again()
            start = len(run.items)
            await run.until(lambda: len(run.good("tick", since=start)) > 3, "values again")
        counters = run.driver.counters()
        assert "messages" not in counters
        assert counters["sessions_created"] == 2
        assert [notice.reason for notice in run.notices()] == ["link_down"]
        assert status.BAD_NO_COMMUNICATION in {code for _, code, _ in run.samples("tick")}

    asyncio.run(scenario())


def test_best_policy_and_a_user_certificate_reach_a_real_server(rig: ModuleType, shared_plant: Any, pki: Any) -> None:
    settings = rig.make_settings(
        shared_plant.port,
        tags=("tick",),
        pki=pki,
        policy="best",
        user_certificate=pki.gateway[0],
        user_key=pki.gateway[1],
    )

    async def scenario() -> None:
        async with rig.running(settings) as run:
            await run.until(lambda: len(run.good("tick")) > 3, "values")

    asyncio.run(scenario())
