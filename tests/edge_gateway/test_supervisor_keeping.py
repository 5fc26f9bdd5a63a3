"""The supervisor with children that are none: what goes wrong between two lives of a process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edge_gateway.supervisor import Supervisor


class Child:
    """Lives until it is told to end."""

    def __init__(self) -> None:
        self.pid = 7
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        self.returncode = -15
        self._ended.set()

    kill = terminate


def supervise(monkeypatch: pytest.MonkeyPatch, supervisor: Supervisor, spawn: Any) -> int:
    monkeypatch.setattr(asyncio, "create_subprocess_exec", spawn)
    monkeypatch.setattr("edge_gateway.supervisor._FIRST_RESTART_S", 0.001)

    async def main() -> int:
        return await asyncio.wait_for(supervisor.run(), 5)

    return asyncio.run(main())


def test_a_process_that_cannot_be_started_now_is_started_later(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    supervisor = Supervisor(Path("gateway.toml"), tmp_path, ("flow",))
    tries: list[Child] = []

    async def spawn(*_command: Any, **_options: Any) -> Child:
        tries.append(Child())
        if len(tries) < 3:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        supervisor._stop.set()
        return tries[-1]

    assert supervise(monkeypatch, supervisor, spawn) == 0
    assert len(tries) == 3


def test_a_stop_while_a_process_is_being_started_ends_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    supervisor = Supervisor(Path("gateway.toml"), tmp_path, ("flow",))
    child: list[Child] = []

    async def spawn(*_command: Any, **_options: Any) -> Child:
        supervisor._stop.set()
        await asyncio.sleep(0.05)
        child.append(Child())
        return child[0]

    assert supervise(monkeypatch, supervisor, spawn) == 0
    assert child[0].returncode is not None
