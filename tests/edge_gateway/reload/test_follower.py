"""The file in force as processes see it, and what is told of reloads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from gateway_texts import kept, link, rule

from cloud_sink.records import Event
from edge_gateway.reload.changes import Part
from edge_gateway.reload.follower import VARIABLE, Follower
from edge_gateway.reload.in_force import read, write
from edge_gateway.reload.outcomes import Outcome, add_outcome, read_outcomes
from edge_gateway.reload.teller import Teller

LINK = link("one", "pump")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "config" / "in-force.json"
    write(path, kept(tmp_path, LINK))
    return path


def test_another_configuration_is_seen_once(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(file))
    follower = Follower.of_supervisor()
    levels: list[str] = []
    follower.on_accept = lambda now: levels.append(now.log.level)
    assert follower.facts() == {"generation": 1, "generation_refused": {}}
    assert follower.look() is None
    write(file, kept(tmp_path, LINK, rule("pump"), '[log]\nlevel = "debug"\n', generation=2))
    seen = follower.look()
    assert seen is not None
    assert (seen.generation, len(seen.config.rules)) == (2, 1)
    assert follower.look() is None
    assert follower.facts()["generation"] == 1  # until it is taken over
    follower.refuse(seen, "no")
    assert follower.facts() == {"generation": 1, "generation_refused": {"generation": 2, "why": "no"}}
    assert levels == []
    follower.accept(seen)
    assert levels == ["debug"]
    assert follower.facts() == {"generation": 2, "generation_refused": {}}


def test_by_hand_nothing_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    follower = Follower.of_supervisor()
    assert follower.current is None
    assert follower.look() is None
    assert follower.facts() == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"v": 1}', '{"v": 9, "generation": 1, "files": {}, "config": {}}'])
def test_a_damaged_file_changes_nothing(file: Path, text: str) -> None:
    follower = Follower(file)
    file.write_text(text)
    assert follower.look() is None
    assert follower.look() is None
    with pytest.raises(ValueError, match=r"Expecting|configuration|version"):
        read(file)
    file.unlink()
    assert follower.look() is None


def test_the_file_is_for_its_owner_alone(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600


ACCEPTED = Outcome(1, 5, 7, "accepted", 2, (Part("rules", "changed"), Part("link one", "unchanged")))
REFUSED = replace(ACCEPTED, number=2, result="refused", parts=(), refusal="site = 'secret'", brief="site: no")


def test_an_outcome_is_told_once_also_over_a_restart(tmp_path: Path) -> None:
    told: list[Event] = []
    hears = False

    def tell(events: Sequence[Event]) -> bool:
        if hears:
            told.extend(events)
        return hears

    def go(teller: Teller) -> None:
        for _ in range(2):
            teller.look()
            teller.pass_over()

    teller = Teller(tmp_path, tell)
    go(teller)
    add_outcome(tmp_path, ACCEPTED)
    go(teller)
    assert told == []
    hears = True
    go(teller)
    add_outcome(tmp_path, REFUSED)
    go(teller)
    teller.look()
    assert [(one.kind, one.reason, one.count, one.start) for one in told] == [
        ("reload", "accepted", 1, 7),
        ("reload", "refused", 0, 7),
    ]
    assert told[0].detail == "Generation 2 is in force: rules changed."
    assert "secret" not in told[1].detail  # values of the configuration stay on site
    assert "site: no" in told[1].detail
    go(Teller(tmp_path, tell))
    assert len(told) == 2
    add_outcome(tmp_path, replace(ACCEPTED, number=3, result="unchanged", parts=()))
    go(teller)
    assert len(told) == 2


def test_the_last_outcomes_are_kept_and_a_damaged_file_is_none(tmp_path: Path) -> None:
    for number in range(30):
        add_outcome(tmp_path, replace(ACCEPTED, number=number))
    assert [one.number for one in read_outcomes(tmp_path)] == list(range(10, 30))
    assert read_outcomes(tmp_path)[-1] == replace(ACCEPTED, number=29)
    for text in ("", "[", "[1]", json.dumps([{"number": 1}])):
        (tmp_path / "reloads.json").write_text(text)
        assert read_outcomes(tmp_path) == []
