"""The flow takes over rules, levels, calendars and models between two passes. Looks are made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_gateway.config.load import load
from edge_gateway.gateway import LocalGateway
from edge_gateway.reload.follower import Follower
from edge_gateway.reload.in_force import InForce, digests, in_force_path, write
from models.bundle import MODEL
from models.life import steps
from models.life.agreement import Figures
from models.life.steps import Asked
from models.life.store import ModelStore
from models.scores import Scorer
from tests.edge_gateway.bundles import CONFIG, make_bundle

NAMED = '[[model]]\nassets = ["mill"]\nname = "press"\n'
RULE = '[[rules]]\nassets = ["mill"]\ntag = "flow"\nkind = "limit"\nhh = {}\n'
ASKED = Asked(1, "anna", "test", force=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return {version: make_bundle(folder / version, version, seed=int(version)) for version in ("1", "2")}


class Flow:
    """A running one, but for its threads."""

    def __init__(self, folder: Path, model: str) -> None:
        self._path = folder / "gateway.toml"
        self._generation = 0
        self.put(model)
        self.follower = Follower(in_force_path(load(self._path)))
        assert self.follower.current is not None
        config = self.follower.current.config
        self.gateway = LocalGateway(config, lambda: False, lambda: None, follower=self.follower)

    def put(self, model: str, *more: str) -> None:
        """Into force."""
        assert NAMED in CONFIG
        self._generation += 1
        self._path.write_text(CONFIG.replace(NAMED, "\n".join((model, *more))))
        config = load(self._path)
        write(in_force_path(config), InForce(self._generation, config, digests(config)))

    def look(self) -> None:
        """What the thread does, then a pass."""
        self.gateway._models.work_off()
        self.gateway._passed()

    @property
    def scorers(self) -> list[Scorer]:
        return [one.scorer for one in self.gateway.models.of("mill")]

    @property
    def models(self) -> list[str]:
        return [scorer.model.partition(".")[0] for scorer in self.scorers]


def bundle(path: Path, budget: str = "500ms") -> str:
    return f'[[model]]\nassets = ["mill"]\nbundle = "{path}"\ntime_budget = "{budget}"\n'


def test_a_bundle_is_swapped_between_two_passes_and_one_that_stays_is_the_same(
    tmp_path: Path, made: dict[str, Path]
) -> None:
    flow = Flow(tmp_path, bundle(made["1"]))
    (before,) = flow.scorers
    flow.put(bundle(made["1"]), RULE.format(5))
    flow.look()
    assert flow.scorers == [before]  # another scorer would let a stateful model be tried anew
    assert (flow.gateway.revision, len(flow.gateway.rules("mill").rules)) == (1, 1)
    flow.put(bundle(made["2"]))
    flow.gateway._models.work_off()
    assert flow.scorers == [before]  # ready, and not taken over before the pass is over
    flow.gateway._passed()
    assert flow.models == ["press@2"]
    assert flow.gateway.rules("mill").rules == ()
    assert flow.follower.facts() == {"generation": 3, "generation_refused": {}}
    flow.put("")
    flow.look()
    assert flow.models == ["cold-start@1"]
    flow.put("", "[alerts]\ncold_start = false\nopen_after = 7\n")
    flow.look()
    assert flow.models == []
    assert flow.gateway.alerts.open_after == 7


def test_a_bundle_that_is_refused_leaves_the_former_and_all_else_as_it_was(
    tmp_path: Path, made: dict[str, Path]
) -> None:
    flow = Flow(tmp_path, bundle(made["1"]))
    before = flow.scorers
    damaged = make_bundle(tmp_path / "damaged", "3", seed=3)
    (damaged / MODEL).write_bytes(b"\0" * 100)
    flow.put(bundle(damaged), RULE.format(5))
    flow.look()
    assert flow.scorers == before
    assert flow.gateway.rules("mill").rules == ()
    assert flow.gateway.revision == 0
    refused = flow.follower.facts()["generation_refused"]
    assert refused["generation"] == 2
    assert "damaged" in refused["why"]
    flow.put(bundle(made["1"]))  # as the supervisor takes it back
    flow.look()
    assert flow.scorers == before
    assert flow.follower.facts() == {"generation": 3, "generation_refused": {}}


def test_a_named_model_comes_goes_and_keeps_what_is_open(tmp_path: Path, made: dict[str, Path]) -> None:
    store = ModelStore(tmp_path / "data")
    for path in made.values():
        store.add(path)
    store.change(lambda lives: steps.promote(lives, "press", "1", 0, Figures(), 1, ASKED))
    flow = Flow(tmp_path, NAMED)
    flow.look()
    (before,) = flow.scorers
    assert flow.models == ["press@1"]
    flow.put(NAMED, RULE.format(5))
    flow.look()
    assert flow.scorers == [before]
    flow.put(NAMED + 'time_budget = "1s"\n')
    flow.look()
    assert flow.models == ["press@1"]
    assert flow.scorers != [before]  # opened anew, with another budget
    store.change(lambda lives: steps.promote(lives, "press", "2", 0, Figures(), 1, ASKED))
    flow.look()
    assert flow.models == ["press@2"]  # and looked after by who came with the reload
    flow.put("")
    flow.look()
    assert flow.models == ["cold-start@1"]
    flow.put(NAMED)
    flow.look()
    assert flow.models == ["press@2"]


def test_a_store_that_cannot_be_read_refuses(tmp_path: Path, made: dict[str, Path]) -> None:
    flow = Flow(tmp_path, bundle(made["1"]))
    store = ModelStore(tmp_path / "data")
    store.file.parent.mkdir(parents=True, exist_ok=True)
    store.file.write_text("{")
    flow.put(NAMED)
    flow.look()
    assert flow.models == ["press@1"]
    assert flow.follower.facts()["generation_refused"]["generation"] == 2
