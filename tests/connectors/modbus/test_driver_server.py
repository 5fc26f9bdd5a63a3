"""The driver against pymodbus's server in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors import status

pytestmark = pytest.mark.integration

PEER = Path(__file__).parent / "peers" / "modbus_peer.py"
TAGS = {
    "first": "holding:0:uint16",
    "scaled": "holding:150:int16*0.1-100",
    "bit": "holding:7:bit0",
    "float": "holding:300:float32",
    "negative": "holding:302:float32",
    "low word first": "holding:304:float32:CDAB",
    "last": "holding:199:uint16",
}
RIGHT = {
    "first": 1000.0,
    "scaled": 1150 * 0.1 - 100,
    "bit": 1.0,
    "float": 1.5,
    "negative": -2.5,
    "low word first": 1.5,
    "last": 1199.0,
}
SLOW = {"poll_interval": timedelta(milliseconds=100), "timeout": timedelta(seconds=1)}


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def start(port: int) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts the server on the same port as often as a test likes; ends what is still running."""
    with contextlib.ExitStack() as stack:

        def start_one() -> subprocess.Popen[str]:
            server = subprocess.Popen([sys.executable, str(PEER), str(port)], stdout=subprocess.PIPE, text=True)
            stack.callback(end, server)
            assert server.stdout is not None
            assert server.stdout.readline() == "READY\n"
            return server

        yield start_one


def end(server: subprocess.Popen[str]) -> None:
    server.kill()
    server.wait()
    assert server.stdout is not None
    server.stdout.close()


def test_values_are_right_and_the_hole_in_the_map_is_learnt(port: int, start: Any, running: Any) -> None:
    async def main() -> None:
        async with running(port, TAGS, merge_gap=125, unit_id=1, **SLOW) as run:
            await run.until(lambda: run.last_is(status.GOOD))
            before = run.driver.counters()
            await run.polls(3)
            after = run.driver.counters()
        run.never_wrong(RIGHT)
        assert after.get("exceptions", 0) == before.get("exceptions", 0), "the hole at 200..299 is not tried again"
        polls = after["polls"] - before["polls"]
        assert after["requests"] - before["requests"] <= 3 * polls, "200 registers in two requests, the floats in one"

    start()
    asyncio.run(main())


def test_a18_killed_and_started_again_values_flow_and_the_gap_is_told(port: int, start: Any, running: Any) -> None:
    async def main() -> None:
        server = start()
        async with running(port, TAGS, unit_id=1, **SLOW) as run:
            await run.until(lambda: run.last_is(status.GOOD))
            end(server)
            await run.until(lambda: run.last_is(status.BAD_NO_COMMUNICATION))
            await run.polls(2)
            await asyncio.to_thread(start)
            await run.until(lambda: run.notices, seconds=10)
            await run.until(lambda: run.last_is(status.GOOD))
        run.never_wrong(RIGHT)
        assert len(run.notices) == 1
        [gap] = run.notices
        assert gap.end > gap.start
        bad = [batch for batch in run.batches if np.isnan(batch.value).all()]
        assert all(gap.start <= batch.source_time.min() <= gap.end for batch in bad)
        assert run.driver.counters()["connects"] == 2

    asyncio.run(main())
