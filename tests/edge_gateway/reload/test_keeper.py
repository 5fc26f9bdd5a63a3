"""The supervisor's part of a reload, with processes that are files in a status folder."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gateway_texts import link, rule, write

from edge_gateway.config.load import load
from edge_gateway.exit_codes import Exit
from edge_gateway.reload import keeper as keeper_module
from edge_gateway.reload import trial
from edge_gateway.reload.in_force import InForce, put, read
from edge_gateway.reload.keeper import Keeper
from edge_gateway.reload.outcomes import Outcome, read_outcomes
from edge_gateway.reload.trial import judge

PUMP, FAN = link("one", "pump"), link("two", "fan")


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


class Processes:
    """Each runs by what is in force as soon as it is looked for, unless it is told to be otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept = ["acquire", "flow", "deliver", "page"]
        self.pids = {"acquire": 1, "flow": 2, "deliver": 3}
        self.restarted: list[str] = []
        self.refuses: Callable[[str, InForce], str] = lambda role, kept: ""
        self.on_restart: Callable[[str], None] = lambda role: None

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(self.kept)

    def pid(self, role: str) -> int | None:
        self._write(role)
        return self.pids.get(role)

    async def restart(self, role: str) -> None:
        self.restarted.append(role)
        self.pids[role] += 10
        self.on_restart(role)

    def begin(self, role: str) -> None:
        self.kept.append(role)

    async def finish(self, role: str) -> None:
        self.kept.remove(role)

    def _write(self, role: str) -> None:
        kept = read(self.folder / "config" / "in-force.json")
        body: dict[str, Any] = {"pid": self.pids.get(role), "generation": kept.generation}
        if why := self.refuses(role, kept):
            refused = {"generation": kept.generation, "why": why}
            body = {"pid": self.pids.get(role), "generation": 1, "generation_refused": refused}
        (self.folder / "status" / f"{role}.json").write_text(json.dumps(body))


class Gateway:
    """A supervisor but for its processes; a reload is tried in this one."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *pieces: str) -> None:
        self.path, self.data = write(folder, *pieces), folder / "data"
        self.keeper = Keeper(self.path, load(self.path))
        (self.data / "status").mkdir(parents=True, exist_ok=True)
        self.processes = Processes(self.data)
        monkeypatch.setattr(keeper_module, "_HOLD_S", 0.0)
        monkeypatch.setattr(keeper_module, "_LOOK_S", 0.0)
        monkeypatch.setattr(self.keeper, "_try", self._try)

    async def _try(self) -> dict[str, Any]:
        file = self.data / "config" / "in-force.json"
        return json.loads(json.dumps(judge(self.path, file, file.with_name("next.json")).to_json()))  # type: ignore[no-any-return]

    def reload(self, *pieces: str, folder: Path, times: int = 1, first: Callable[[], object] = lambda: None) -> Outcome:
        write(folder, *pieces)
        first()
        self.keeper._asked = asyncio.Event()  # of this loop
        before = len(read_outcomes(self.data / "config"))

        async def main() -> None:
            serving = asyncio.create_task(self.keeper.run(self.processes))
            await asyncio.sleep(0)
            for _ in range(times):
                self.keeper.ask()
            while len(read_outcomes(self.data / "config")) == before:
                await asyncio.sleep(0.001)
                assert not serving.done(), serving.result()
            serving.cancel()

        asyncio.run(asyncio.wait_for(main(), 20))
        return read_outcomes(self.data / "config")[-1]

    @property
    def in_force(self) -> InForce:
        return read(self.data / "config" / "in-force.json")

    @property
    def status(self) -> dict[str, Any]:
        return dict(self.keeper.facts())


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    return Gateway(tmp_path, monkeypatch, PUMP)


def test_what_is_accepted_is_in_force_for_all_who_start_from_then_on(gateway: Gateway, tmp_path: Path) -> None:
    outcome = gateway.reload(PUMP, rule("pump"), folder=tmp_path)
    assert (outcome.result, outcome.generation, outcome.silent) == ("accepted", 2, ())
    assert len(gateway.in_force.config.rules) == 1
    assert gateway.processes.restarted == []
    assert gateway.status["generation"] == 2
    assert gateway.status["reload"]["result"] == "accepted"
    assert gateway.keeper.environment == {"SLUICEGATE_IN_FORCE": str(tmp_path / "data" / "config" / "in-force.json")}


@pytest.mark.parametrize("text", ["", "garbage [[", "[gateway]\nsite = 5", "[windows]\nlenth = 3", None])
def test_a_file_that_is_garbage_empty_half_written_or_gone_changes_nothing(
    gateway: Gateway, tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "data" / "config" / "in-force.json"
    before = file.read_bytes()
    whole = gateway.path.read_text()

    def spoil() -> None:
        gateway.path.unlink() if text is None else gateway.path.write_text(text)

    assert gateway.reload(PUMP, folder=tmp_path, first=spoil).result == "refused"
    assert gateway.reload(PUMP, folder=tmp_path, first=lambda: gateway.path.write_text(whole[:-20])).result == "refused"
    assert file.read_bytes() == before
    assert gateway.reload(PUMP, folder=tmp_path).result == "unchanged"


def test_refusals_are_told_in_full_and_nothing_is_replaced(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "data" / "config" / "in-force.json"
    before = file.read_bytes()
    outcome = gateway.reload(PUMP, rule("nobody"), folder=tmp_path)
    assert outcome.result == "refused"
    assert "nobody" in outcome.refusal
    assert "no link has a tag of this asset" in outcome.brief
    assert (outcome.generation, gateway.status["reload"]["result"]) == (1, "refused")
    assert file.read_bytes() == before
    assert gateway.reload(PUMP, folder=tmp_path).result == "unchanged"
    assert file.read_bytes() == before


def test_who_the_gateway_is_is_refused(gateway: Gateway, tmp_path: Path) -> None:
    renamed = gateway.path.read_text().replace('name = "gw-1"', 'name = "gw-2"')
    outcome = gateway.reload(PUMP, folder=tmp_path, first=lambda: gateway.path.write_text(renamed))
    assert outcome.result == "refused"
    assert "gateway.name" in outcome.refusal
    assert "start it again" in outcome.refusal


def test_processes_that_need_it_are_started_again_and_no_others(gateway: Gateway, tmp_path: Path) -> None:
    outcome = gateway.reload(PUMP, '[windows]\nlength = "7s"\n', folder=tmp_path)
    assert (outcome.result, gateway.processes.restarted) == ("accepted", ["flow"])
    gateway.reload(PUMP, '[windows]\nlength = "7s"\n', "[page]\nenabled = false\n", folder=tmp_path)
    assert gateway.processes.roles == ("acquire", "flow", "deliver")
    gateway.reload(PUMP, '[windows]\nlength = "7s"\n', folder=tmp_path)
    assert gateway.processes.roles == ("acquire", "flow", "deliver", "page")
    assert gateway.processes.restarted == ["flow"]


def test_one_that_refuses_takes_it_back_everywhere(gateway: Gateway, tmp_path: Path) -> None:
    gateway.processes.refuses = lambda role, kept: "no such key" if role == "flow" and kept.config.rules else ""
    outcome = gateway.reload(PUMP, rule("pump"), folder=tmp_path)
    assert (outcome.result, outcome.generation) == ("refused", 3)
    assert outcome.refusal == "the flow process refuses it: no such key"
    assert gateway.in_force.config.rules == ()
    assert gateway.in_force.generation == 3


def test_one_that_ends_by_itself_under_it_takes_it_back_everywhere(gateway: Gateway, tmp_path: Path) -> None:
    def dies(role: str) -> None:
        if gateway.in_force.generation == 2:
            assert gateway.keeper.gave_up(role, Exit.CONFIG)

    gateway.processes.on_restart = dies
    outcome = gateway.reload(PUMP, '[windows]\nlength = "7s"\n', folder=tmp_path)
    assert outcome.result == "refused"
    assert "exit code 2" in outcome.refusal
    assert gateway.processes.restarted == ["flow", "flow"]  # under it, and again under the former
    assert gateway.in_force.config.windows.length != "7s"
    assert not gateway.keeper.gave_up("flow", Exit.CONFIG)  # with no trial it is as ever


def test_a_second_one_may_end_while_it_is_taken_back(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    async def in_thread(act: Callable[..., Any], *args: object) -> Any:
        if gateway.in_force.generation == 2:
            seen.append(gateway.keeper.gave_up("acquire", Exit.CONFIG))
        return act(*args)

    monkeypatch.setattr(asyncio, "to_thread", in_thread)
    gateway.processes.refuses = lambda role, kept: "no such key" if role == "flow" and kept.config.rules else ""
    outcome = gateway.reload(PUMP, rule("pump"), folder=tmp_path)
    assert (outcome.result, outcome.generation, outcome.refusal) == (
        "refused",
        3,
        "the flow process refuses it: no such key",
    )
    assert seen == [True]
    assert not gateway.keeper.gave_up("acquire", Exit.CONFIG)


def test_a_disk_that_is_full_by_then_does_not_hinder_the_way_back(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(role: str, kept: InForce) -> str:
        monkeypatch.setattr(keeper_module, "write", full)
        return "no such key" if role == "flow" and kept.config.rules else ""

    gateway.processes.refuses = refuses
    outcome = gateway.reload(PUMP, rule("pump"), folder=tmp_path)
    assert (outcome.result, outcome.generation) == ("refused", 3)
    assert (gateway.in_force.generation, gateway.in_force.config.rules) == (3, ())


def test_a_full_disk_refuses_before_anything_happens(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "write", full)
    outcome = gateway.reload(PUMP, '[windows]\nlength = "7s"\n', folder=tmp_path)
    assert (outcome.result, outcome.generation, gateway.processes.restarted) == ("refused", 1, [])
    assert gateway.in_force.generation == 1
    assert not gateway.keeper.gave_up("flow", Exit.CONFIG)


def test_what_cannot_be_taken_back_stops_nothing(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.processes.refuses = lambda role, kept: "no such key" if role == "flow" and kept.config.rules else ""
    back = tmp_path / "data" / "config" / "former.json"
    rename = Path.replace
    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", lambda path, to: full() if path == back else rename(path, to))
        outcome = gateway.reload(PUMP, rule("pump"), folder=tmp_path)
    assert (outcome.result, outcome.generation, gateway.in_force.generation) == ("refused", 2, 2)
    assert "no such key" in outcome.refusal
    assert "cannot be put back (No space left on device)" in outcome.refusal
    assert gateway.keeper.gave_up("flow", Exit.CONFIG), "else the supervisor stops all"
    with monkeypatch.context() as broken:
        broken.setattr(keeper_module, "write", full)
        assert gateway.reload(PUMP, folder=tmp_path).brief == "it cannot be kept"
    assert gateway.keeper.gave_up("flow", Exit.CONFIG)
    outcome = gateway.reload(PUMP, folder=tmp_path)
    assert (outcome.result, outcome.generation) == ("accepted", 3)
    assert not gateway.keeper.gave_up("flow", Exit.CONFIG)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "kept.json", b"former")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        put(tmp_path / "kept.json", b"new")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("kept.json", b"former")]


def test_the_check_ends_with_its_parent_and_may_not_be_able_to_be_nice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = []

    def refused(_: int) -> None:
        done.append("nice")
        raise PermissionError(1, "Operation not permitted")

    path = write(tmp_path, PUMP)
    Keeper(path, load(path))
    file = tmp_path / "data" / "config" / "in-force.json"
    monkeypatch.setattr("os.nice", refused)
    monkeypatch.setattr(trial, "end_with_parent", lambda: done.append("parent"))
    monkeypatch.setattr("sys.argv", ["trial", str(path), str(file), str(file.with_name("next.json"))])
    trial.main()
    assert done == ["parent", "nice"]
    assert json.loads(capsys.readouterr().out)["refusal"] == ""


def test_a_kill_is_nobodys_refusal(gateway: Gateway, tmp_path: Path) -> None:
    gateway.processes.on_restart = lambda role: (
        None if not gateway.keeper.gave_up(role, -signal.SIGKILL) else pytest.fail("taken for a refusal")
    )
    assert gateway.reload(PUMP, '[windows]\nlength = "7s"\n', folder=tmp_path).result == "accepted"


def test_one_that_says_nothing_in_time_is_named(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "_SETTLE_S", 0.05)
    del gateway.processes.pids["deliver"]  # it is waiting to be started again
    monkeypatch.setattr(gateway.processes, "pids", {**gateway.processes.pids})
    monkeypatch.setattr(gateway.processes, "_write", lambda role: None)
    outcome = gateway.reload(PUMP, rule("pump"), folder=tmp_path)
    assert (outcome.result, outcome.silent) == ("accepted", ("acquire", "flow", "deliver"))


def test_generations_count_on_over_a_restart(gateway: Gateway, tmp_path: Path) -> None:
    gateway.reload(PUMP, rule("pump"), folder=tmp_path)
    assert gateway.in_force.generation == 2
    Keeper(gateway.path, load(gateway.path))
    assert gateway.in_force.generation == 3
    (tmp_path / "data" / "config" / "in-force.json").write_text("half")
    Keeper(gateway.path, load(gateway.path))
    assert gateway.in_force.generation == 1


def test_two_at_once_are_one_after_the_other(gateway: Gateway, tmp_path: Path) -> None:
    outcome = gateway.reload(PUMP, rule("pump"), folder=tmp_path, times=5)
    assert (outcome.number, outcome.result) == (1, "accepted")


def test_a_check_that_cannot_be_run_refuses(gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs() -> dict[str, Any]:
        raise TimeoutError

    monkeypatch.setattr(gateway.keeper, "_try", hangs)
    outcome = gateway.reload(PUMP, rule("pump"), folder=tmp_path)
    assert outcome.result == "refused"
    assert "not within 60 s" in outcome.refusal


@pytest.mark.integration
def test_the_check_is_a_process_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, PUMP)
    keeper = Keeper(path, load(path))
    write(tmp_path, PUMP, FAN)
    (tmp_path / "mine.py").write_text("print('hello')\nimport os\nos._exit(7)\n")
    verdict = asyncio.run(keeper._try())
    assert verdict["refusal"] == ""
    assert {part["name"]: part["what"] for part in verdict["changes"]["parts"]}["link two"] == "added"
    path.write_text(path.read_text().replace('data = "data"', 'data = "data"\nflow = "mine.py"'))
    with pytest.raises(ValueError, match="ended with exit code 7"):
        asyncio.run(keeper._try())


def test_a_model_that_cannot_be_opened_is_refused_before_anything_happens(tmp_path: Path) -> None:
    path = write(tmp_path, PUMP)
    Keeper(path, load(path))
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "manifest.json").write_text("{}")
    write(tmp_path, PUMP, '[[model]]\nassets = ["pump"]\nbundle = "bundle"\n')
    file = tmp_path / "data" / "config" / "in-force.json"
    verdict = judge(path, file, file.with_name("next.json"))
    assert "model[0].bundle" in verdict.refusal
    assert verdict.changes is None
    assert not file.with_name("next.json").exists()


def test_a_full_disk_keeps_no_gateway_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "write", full)
    gateway = Gateway(tmp_path, monkeypatch, PUMP)
    assert gateway.keeper.environment == {}
    (tmp_path / "data" / "config").mkdir(exist_ok=True)
    outcome = gateway.reload(PUMP, rule("pump"), folder=tmp_path)
    assert outcome.result == "refused"
    assert "Make room on its disk" in outcome.refusal
