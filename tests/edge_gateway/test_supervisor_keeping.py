"""The supervisor with children that are none: what goes wrong between two lives of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar

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


def supervise(monkeypatch: pytest.MonkeyPatch, supervisor: Supervisor, spawn: Any, first_s: float = 0.001) -> int:
    monkeypatch.setattr(asyncio, "create_subprocess_exec", spawn)
    monkeypatch.setattr("edge_gateway.supervisor._FIRST_RESTART_S", first_s)

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


class Reloads:
    """A keeper of the configuration that has processes started, ended and started again."""

    environment: ClassVar[dict[str, str]] = {"SLUICEGATE_IN_FORCE": "somewhere"}

    def __init__(self, script: Callable[[Supervisor], Coroutine[Any, Any, None]]) -> None:
        self._script = script
        self.ended: list[tuple[str, int]] = []
        self.takes_back = False

    def ask(self) -> None:
        """Nobody does."""

    def facts(self) -> dict[str, Any]:
        return {"generation": 1}

    def gave_up(self, role: str, code: int) -> bool:
        self.ended.append((role, code))
        return self.takes_back

    async def run(self, supervisor: Supervisor) -> None:
        await self._script(supervisor)
        supervisor._stop.set()
        await asyncio.Event().wait()


def run_script(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    script: Callable[[Supervisor, list[list[str]]], Any],
    first_s: float = 0.001,
) -> tuple[Reloads, list[list[str]], int]:
    started: list[list[str]] = []

    async def spawn(*command: str, **options: Any) -> Child:
        assert options["env"]["SLUICEGATE_IN_FORCE"] == "somewhere"
        started.append(list(command))
        return Child()

    keeper = Reloads(lambda supervisor: script(supervisor, started))
    roles = ("acquire", "flow", "page")
    supervisor = Supervisor(Path("gateway.toml"), folder, roles, keeper=keeper)  # type: ignore[arg-type]
    return keeper, started, supervise(monkeypatch, supervisor, spawn, first_s)


async def count(started: list[list[str]], wanted: int) -> None:
    while len(started) < wanted:  # noqa: ASYNC110 - nothing tells of a start
        await asyncio.sleep(0.001)


def test_a_process_is_started_again_by_itself_and_that_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def script(supervisor: Supervisor, started: list[list[str]]) -> None:
        await count(started, 3)
        await supervisor.restart("flow")
        await count(started, 4)
        assert supervisor.roles == ("acquire", "flow", "page")
        assert not supervisor._watch.restarts

    keeper, started, code = run_script(monkeypatch, tmp_path, script)
    assert code == 0
    assert [command[-1] for command in started] == ["acquire", "flow", "page", "flow"]
    assert keeper.ended == []


def test_a_process_ends_for_good_and_another_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def script(supervisor: Supervisor, started: list[list[str]]) -> None:
        await count(started, 3)
        await supervisor.finish("page")
        assert supervisor.roles == ("acquire", "flow")
        assert supervisor.pid("page") is None
        supervisor.begin("page")
        await count(started, 4)

    _, started, code = run_script(monkeypatch, tmp_path, script)
    assert (code, started[-1][-1]) == (0, "page")


@pytest.mark.parametrize("taken_back", [True, False])
def test_one_that_says_that_no_restart_helps_is_started_again_where_the_configuration_is_taken_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, taken_back: bool
) -> None:
    async def script(supervisor: Supervisor, started: list[list[str]]) -> None:
        await count(started, 3)
        supervisor._keeper.takes_back = taken_back  # type: ignore[union-attr]
        child = supervisor._children["flow"]
        child.returncode = 2  # type: ignore[misc]
        child._ended.set()  # type: ignore[attr-defined]
        await count(started, 4)

    keeper, started, code = run_script(monkeypatch, tmp_path, script)
    assert keeper.ended == [("flow", 2)]
    assert (code, len(started)) == ((0, 4) if taken_back else (2, 3))


def test_one_that_waits_to_be_started_again_need_not_wait_for_a_reload(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def script(supervisor: Supervisor, started: list[list[str]]) -> None:
        await count(started, 3)
        supervisor._children["flow"].terminate()
        await asyncio.sleep(0.01)
        await supervisor.restart("flow")
        await count(started, 4)

    keeper, _, code = run_script(monkeypatch, tmp_path, script, first_s=3600)
    assert (code, keeper.ended) == (0, [("flow", -15)])
