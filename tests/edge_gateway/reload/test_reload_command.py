"""`sluicegate reload`, before a gateway that is not there, or that answers at once."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from gateway_texts import link, write
from typer.testing import CliRunner

from edge_gateway.claim import claim
from edge_gateway.cli import app
from edge_gateway.reload.changes import Part
from edge_gateway.reload.outcomes import Outcome, add_outcome

PARTS = (
    Part("gateway.site", "unchanged"),
    Part("link one", "changed"),
    Part("windows", "restarted", ("flow",)),
    Part("uplink", "unchanged"),
)


def reload(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["reload", *words])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Let a gateway run that answers so."""
    folder = tmp_path / "data"
    add_outcome(folder / "config", Outcome(1, 1, 1, "refused", 1, (), "of before"))

    def prepare(result: str, **more: object) -> None:
        def kill(pid: int, number: int) -> None:
            assert pid == os.getpid()
            if number == signal.SIGHUP:
                outcome = Outcome(2, time.monotonic_ns(), 1, result, 7, **more)  # type: ignore[arg-type]
                add_outcome(folder / "config", outcome)

        monkeypatch.setattr(os, "kill", kill)

    with claim(folder, "gateway"):
        yield prepare


def test_what_became_of_each_part_is_told(tmp_path: Path, answer) -> None:
    answer("accepted", parts=PARTS)
    path = str(write(tmp_path, link("one", "pump")))
    code, out, err = reload(path)
    assert (code, err) == (0, "")
    for words in (
        "link one",
        "changed",
        "restarted (process flow)",
        "gateway.site, uplink",
        "generation 7 is in force",
    ):
        assert words in out
    code, out, _ = reload(path, "--json")
    facts = json.loads(out)
    assert (code, facts["result"], facts["generation"]) == (0, "accepted", 7)
    assert facts["parts"][2] == {"name": "windows", "what": "restarted", "roles": ["flow"]}


def test_a_refusal_is_printed_with_2_also_of_a_file_that_is_no_toml(tmp_path: Path, answer) -> None:
    answer("refused", refusal="gateway.toml: 1 problem", brief="secret")
    path = write(tmp_path, link("one", "pump"))
    assert reload(str(path))[::2] == (2, "gateway.toml: 1 problem\nrefused: generation 7 goes on\n")
    path.write_text(path.read_text() + "garbage [[")
    assert reload(str(path))[0] == 2
    path.write_text("")
    code, _, err = reload(str(path))
    assert code == 1
    assert "does not say where the data folder is" in err
    assert reload(str(path), "--data", str(tmp_path / "data"))[0] == 2
    code, out, _ = reload(str(path), "--data", str(tmp_path / "data"), "--json")
    assert json.loads(out)["refusal"] == "gateway.toml: 1 problem"
    assert "secret" not in out


def test_a_process_that_did_not_answer_is_named_with_1(tmp_path: Path, answer) -> None:
    answer("accepted", parts=PARTS, silent=("flow",))
    code, _, err = reload(str(write(tmp_path, link("one", "pump"))))
    assert code == 1
    assert "the flow process has not said yet" in err


def test_a_gateway_that_does_not_answer_is_told(tmp_path: Path, answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "kill", lambda *_: None)
    code, _, err = reload(str(write(tmp_path, link("one", "pump"))), "--timeout", "1")
    assert code == 1
    assert "has not answered within 1 s" in err


def test_without_a_gateway_there_is_nothing_to_reload(tmp_path: Path) -> None:
    path = write(tmp_path, link("one", "pump"))
    assert "no gateway runs" in reload(str(path))[2]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gateway.lock").write_text(f"{os.getpid()}\n")  # of one that was killed; the number is ours
    code, _, err = reload(str(path))
    assert (code, "no gateway runs" in err) == (1, True)
    assert reload(str(tmp_path / "none.toml"))[0] == 1
