"""The models of a running gateway: taken up, compared, rolled back. Without a thread: looks are made by hand."""

from __future__ import annotations

import base64
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import alarm_records as alarms
import numpy as np
import pytest
from bundles import CONFIG, FEATURES, make_bundle

from cloud_sink.records import Event
from connectors.tags import Tag, TagTable
from edge_gateway.config.config import Config
from edge_gateway.gateway import LocalGateway
from edge_gateway.serving.crew import Recruiter
from edge_gateway.serving.duty import KEEP_EVERY_S, ModelDuty
from edge_gateway.serving.storm import Storm
from flows.blocks import FeatureBlock, ScoredBlock
from flows.score_state import ScoreState
from models.bundle import MODEL
from models.errors import ScoringFailed
from models.features import FeatureSet
from models.life import steps
from models.life.agreement import Figures
from models.life.record import Lives
from models.life.steps import Asked
from models.life.store import ModelStore
from models.served import Outcome, Served, Verdict
from models.watchdog import Watchdog

SECOND = 10**9
NOW = 1_800_000_000 * SECOND
ASKED = Asked(NOW, "anna", "test", force=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return {version: make_bundle(folder / version, version, seed=int(version)) for version in ("1", "2", "3")}


@pytest.fixture
def store(tmp_path: Path, made: dict[str, Path]) -> ModelStore:
    """Version 1 was active, 2 is, 3 lies there."""
    store = ModelStore(tmp_path / "data")
    for path in made.values():
        store.add(path)
    for version in ("1", "2"):
        promote(store, version)
    return store


def promote(store: ModelStore, version: str) -> Lives:
    return store.change(lambda lives: steps.promote(lives, "press", version, 0, Figures(), 1, ASKED))


def shadow(store: ModelStore, version: str) -> Lives:
    return store.change(lambda lives: steps.shadow(lives, "press", version, 0, ASKED))


class Gateway:
    """A running one, but for its threads."""

    def __init__(self, folder: Path, *, text: str = CONFIG, fixed: dict[str, list[Served]] | None = None) -> None:
        config = Config.model_validate(tomllib.loads(text))
        here = config.gateway.model_copy(update={"data": folder / "data"})
        self.events: list[Event] = []
        self.hears = True
        self.time = 0.0
        features = FeatureSet.from_names(FEATURES, "tiny")
        config = config.model_copy(update={"gateway": here})
        self.recruiter = Recruiter(config, features, Watchdog(), lambda: NOW)
        self.duty = ModelDuty(config, self.recruiter, fixed or {}, self._tell, lambda: self.time)

    def _tell(self, events: Sequence[Event]) -> bool:
        if self.hears:
            self.events += events
        return self.hears

    def look(self) -> None:
        """What the thread does, then a pass of the flow; twice, for what the first led to."""
        for _ in range(2):
            self.duty.work_off()
            self.duty.pass_over()

    @property
    def serving(self) -> list[tuple[str, bool]]:
        return [(one.scorer.model, one.shadow) for one in self.duty.of("mill")]

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(event.source, event.reason) for event in self.events]


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Gateway]:
    return lambda **more: Gateway(tmp_path, **more)


def test_without_a_store_nothing_is_served(start: Callable[..., Gateway]) -> None:
    gateway = start()
    gateway.look()
    assert gateway.serving == []
    assert gateway.told == []


def test_it_starts_with_what_is_active_and_tells_what_happened(
    start: Callable[..., Gateway], store: ModelStore
) -> None:
    gateway = start()
    assert gateway.serving == [("press@2", False)]
    gateway.look()
    assert gateway.told == [("press@1", "promoted"), ("press@2", "promoted")]
    assert gateway.events[1].detail == "press@2: promoted by anna: test."
    gateway.look()
    again = start()
    again.look()
    assert len(gateway.events) == 2
    assert again.events == []  # not told twice, also after a restart


def test_what_cannot_be_told_yet_is_told_later(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    gateway.hears = False
    gateway.look()
    assert store.read().told == 0
    gateway.hears = True
    gateway.look()
    assert len(gateway.events) == 2
    assert store.read().told == 2


def test_a_change_is_taken_between_two_passes(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    before = gateway.duty.of("mill")
    promote(store, "3")
    assert gateway.duty.of("mill") is before  # nobody has looked
    gateway.duty.work_off()
    assert gateway.duty.of("mill") is before  # opened beside the flow, and not taken yet
    gateway.duty.pass_over()
    assert gateway.serving == [("press@3", False)]
    assert ("press@3", "promoted") in gateway.told


def test_a_shadow_that_is_promoted_is_the_same_one(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    shadow(store, "3")
    gateway.look()
    assert gateway.serving == [("press@2", False), ("press@3", True)]
    third = gateway.duty.of("mill")[1].scorer
    promote(store, "3")
    gateway.look()
    assert gateway.serving == [("press@3", False)]
    assert gateway.duty.of("mill")[0].scorer is third


def verdicts(gateway: Gateway, *scores: np.ndarray) -> list[Verdict]:
    return [
        Verdict(
            model=served.scorer.model,
            tags=(),
            score=score,
            why=np.zeros(len(score), np.uint8),
            contributions=np.empty((len(score), 0)),
            coverage=np.empty((len(score), 0), np.float32),
            min_coverage=0.0,
            shadow=served.shadow,
        )
        for served, score in zip(gateway.duty.of("mill"), scores, strict=True)
    ]


def test_a_shadow_is_compared_and_its_figures_outlive_the_gateway(
    start: Callable[..., Gateway], store: ModelStore
) -> None:
    gateway = start(text=CONFIG.replace("shadow_windows = 50", "shadow_windows = 5000"))
    shadow(store, "3")
    gateway.look()
    ends = np.arange(1, 61) * SECOND
    active = np.linspace(0.1, 0.9, 60)
    gateway.duty.judged("mill", ends, verdicts(gateway, active, active * 2))
    gateway.look()
    assert store.agreement("press", "3") is None
    gateway.time += KEEP_EVERY_S
    gateway.look()
    kept = store.agreement("press", "3")
    assert kept is not None
    figures = kept.figures()
    assert (figures.windows, figures.only_shadow, figures.ratio) == (60, int((active > 0.5).sum()), 2.0)
    again = start()
    again.duty.judged("mill", ends, verdicts(again, active, active))  # a replay after a crash
    again.duty.judged("mill", ends + 60 * SECOND, verdicts(again, active, active))
    again.duty.close()
    kept = store.agreement("press", "3")
    assert kept is not None
    assert kept.windows == 120


def test_a_shadow_that_has_seen_enough_is_told_at_once(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    shadow(store, "3")
    gateway.look()
    for ends in (np.arange(1, 50) * SECOND, np.arange(50, 52) * SECOND):
        assert store.agreement("press", "3") is None
        scores = np.full(len(ends), 0.5)
        gateway.duty.judged("mill", ends, verdicts(gateway, scores, scores))
        gateway.look()
    kept = store.agreement("press", "3")
    assert kept is not None
    assert kept.windows == 51


def test_a_shadow_beside_another_version_counts_anew(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    shadow(store, "3")
    gateway.look()
    one = np.ones(1)
    gateway.duty.judged("mill", np.array([1]), verdicts(gateway, one, one))
    store.change(lambda lives: steps.roll_back(lives, "press", ASKED))
    gateway.look()
    assert gateway.serving == [("press@1", False), ("press@3", True)]
    gateway.duty.judged("mill", np.array([2]), verdicts(gateway, one, one))
    gateway.duty.close()
    kept = store.agreement("press", "3")
    assert kept is not None
    assert (kept.beside, kept.windows) == ("press@1", 1)


def damage(store: ModelStore, version: str) -> None:
    (store.folder("press", version) / MODEL).write_bytes(b"x")


def test_b5_a_version_that_cannot_be_opened_at_the_start_is_rolled_back(
    start: Callable[..., Gateway], store: ModelStore
) -> None:
    damage(store, "2")
    gateway = start()
    assert gateway.serving == [("press@1", False)]
    gateway.look()
    assert gateway.told[-1] == ("press@2", "rolled_back")
    assert "SHA-256" in gateway.events[-1].detail
    life = store.read().of("press")
    assert (life.active, list(life.failed)) == ("1", ["2"])


def test_b5_without_a_version_to_go_back_to_somebody_says_so(start: Callable[..., Gateway], store: ModelStore) -> None:
    damage(store, "1")
    damage(store, "2")
    gateway = start()
    gateway.look()
    ((model, is_shadow),) = gateway.serving
    assert (model, is_shadow) == ("press@1", False)
    with pytest.raises(ScoringFailed, match="cannot be served"):
        gateway.duty.of("mill")[0].scorer.score(np.zeros((1, 2, 3)))
    assert gateway.told[-2:] == [("press@2", "rolled_back"), ("press@1", "failed")]
    assert store.read().of("press").active is None
    before = store.file.read_bytes()
    again = start()  # what failed is not tried again by itself
    again.look()
    assert store.file.read_bytes() == before
    promote(store, "3")
    again.look()
    assert again.serving == [("press@3", False)]


def test_b5_a_damaged_newcomer_does_not_disturb_the_one_that_serves(
    start: Callable[..., Gateway], store: ModelStore
) -> None:
    gateway = start()
    second = gateway.duty.of("mill")[0].scorer
    damage(store, "3")
    promote(store, "3")
    gateway.look()
    assert gateway.duty.of("mill")[0].scorer is second
    assert gateway.told[-1] == ("press@3", "rolled_back")
    damaged = make_shadow_fail(gateway, store)
    assert damaged == [("press@2", False)]


def make_shadow_fail(gateway: Gateway, store: ModelStore) -> list[tuple[str, bool]]:
    damage(store, "1")
    shadow(store, "1")
    gateway.look()
    assert gateway.told[-1] == ("press@1", "failed")
    return gateway.serving


def test_b5_a_version_that_was_switched_off_is_rolled_back(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    gateway.duty.noted(Outcome("press@2", 1, 0.0, "slow", "a call took 2 s"))
    gateway.look()
    assert gateway.serving == [("press@2", False)]  # once may be chance
    gateway.duty.noted(Outcome("press@2", 1, 0.0, "slow", "a call took 2 s", off=True))
    gateway.look()
    assert gateway.serving == [("press@1", False)]
    assert "switched off: a call took 2 s; press@1 is active again" in gateway.events[-1].detail
    gateway.duty.noted(Outcome("press@1", 1, 0.0, "failed", "it broke", off=True))
    gateway.look()
    assert gateway.serving == [("press@1", False)]  # nothing to go back to: it abstains, which tells more than none


def test_b5_the_errors_of_a_shadow_are_counted_and_end_it(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    shadow(store, "3")
    gateway.look()
    gateway.duty.noted(Outcome("press@3", 1, 0.0, "failed", "it broke"))
    gateway.duty.noted(Outcome("press@3", 1, 0.0))
    gateway.duty.close()
    kept = store.agreement("press", "3")
    assert kept is not None
    assert (kept.errors, kept.last_error) == (1, "it broke")
    gateway.duty.noted(Outcome("press@3", 1, 0.0, "failed", "it broke", off=True))
    gateway.look()
    assert gateway.serving == [("press@2", False)]
    assert gateway.told[-1] == ("press@3", "failed")


def storm(gateway: Gateway, count: int, model: str = "press@2", every: int = SECOND, at: int = NOW) -> None:
    for number in range(count):
        gateway.duty.raised([replace(alarms.ANOMALY, model=model, received_time=at + number * every)])


@pytest.mark.parametrize(
    ("arguments", "rolled"),
    [
        ({"count": 21}, True),
        ({"count": 20}, False),
        ({"count": 60, "every": 200 * SECOND}, False),  # never 21 within an hour
        ({"count": 60, "at": NOW + 25 * 3600 * SECOND}, False),  # no longer on probation: it is the plant
        ({"count": 60, "model": "press@1"}, False),
        ({"count": 60, "model": "other@2"}, False),
    ],
    ids=str,
)
def test_a_storm_of_alarms_rolls_a_new_version_back(
    start: Callable[..., Gateway], store: ModelStore, arguments: dict[str, int], rolled: bool
) -> None:
    gateway = start()
    storm(gateway, **arguments)
    gateway.look()
    assert gateway.serving == [("press@1" if rolled else "press@2", False)]
    if rolled:
        assert "a storm of alarms: 21 opened within 1h" in gateway.events[-1].detail


def test_other_alarms_and_other_changes_are_no_storm(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    for change in ({"rule": "data_quality"}, {"rule": "limit"}, {"state": "cleared"}):
        for number in range(50):
            gateway.duty.raised([replace(alarms.ANOMALY, model="press@2", received_time=NOW + number, **change)])
    gateway.look()
    assert gateway.serving == [("press@2", False)]


def test_the_first_version_of_a_model_has_no_storm_to_fear(
    start: Callable[..., Gateway], tmp_path: Path, made: dict[str, Path]
) -> None:
    store = ModelStore(tmp_path / "data")
    store.add(made["1"])
    promote(store, "1")
    gateway = start()
    storm(gateway, 100, "press@1")
    gateway.look()
    assert gateway.serving == [("press@1", False)]


def test_storms_can_be_switched_off() -> None:
    settings = Config.model_validate(tomllib.loads(CONFIG)).models
    assert not Storm(settings.model_copy(update={"storm_alarms": 0}), NOW).opened(NOW)
    assert Storm(settings.model_copy(update={"storm_alarms": 1}), NOW).opened(NOW) == ""


def test_a_damaged_record_leaves_everything_as_it_is(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    whole = store.file.read_bytes()
    store.file.write_bytes(b"{}")
    gateway.look()
    assert gateway.serving == [("press@2", False)]
    store.file.write_bytes(whole)
    promote(store, "3")
    gateway.look()
    assert gateway.serving == [("press@3", False)]


@pytest.mark.parametrize(
    ("old", "new"),
    [('length = "2s"', 'length = "4s"'), ('tag = "power"', 'tag = "speed"'), ('"std", "max"', '"std", "min"')],
)
def test_a_version_that_does_not_fit_is_not_served(
    start: Callable[..., Gateway], store: ModelStore, old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "std" in old:
        monkeypatch.setitem(globals(), "FEATURES", ("mean", "std", "min"))
    gateway = start(text=CONFIG.replace(old, new))
    gateway.look()
    assert gateway.told[-1] == ("press@1", "failed")
    assert store.read().of("press").active is None


def test_a_bundle_of_the_configuration_comes_first_and_no_model_twice(
    start: Callable[..., Gateway], store: ModelStore
) -> None:
    scorer = start().duty.of("mill")[0].scorer
    gateway = start(fixed={"mill": [Served(scorer)]})
    assert gateway.serving == [("press@2", False)]
    promote(store, "3")
    gateway.look()
    assert gateway.serving == [("press@2", False), ("press@3", False)]


def test_nothing_is_told_twice_before_it_is_noted(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    gateway.duty.pass_over()
    gateway.duty.pass_over()
    assert len(gateway.events) == 2


def test_a_look_at_what_has_not_changed_opens_nothing(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    assert gateway.recruiter.look() is None


def windows(first: int, count: int = 1) -> FeatureBlock:
    """Windows of the mill, one after the other, as normal as those of the training."""
    start = (NOW // SECOND + first + np.arange(count, dtype=np.int64)) * SECOND
    return FeatureBlock(
        tags=TagTable("mill", (Tag("flow", "", 0.1), Tag("power", "", 0.1))),
        start=start,
        end=start + 2 * SECOND,
        n=np.full((count, 2), 20, np.int32),
        n_bad=np.zeros((count, 2), np.int32),
        coverage=np.ones((count, 2), np.float32),
        decided_received=int(start[-1]) + 2 * SECOND,
        partial=False,
        backfilled=False,
        features=FEATURES,
        values=50.0 + np.random.default_rng(first).normal(size=(count, 2, 3)),
    )


def test_b5_a_version_that_fails_in_the_flow_is_rolled_back_and_no_window_is_lost(
    start: Callable[..., Gateway], store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = start()
    state = ScoreState(gateway.duty)

    def broken(_: object, *__: object) -> None:
        raise ScoringFailed("press@2", "slow", "a call took 2 s")

    monkeypatch.setattr(gateway.duty.of("mill")[0].scorer, "_run", broken)
    scored = []
    for at in range(6):
        out = state.push([windows(at)])
        gateway.look()
        scored += [one for one in out if isinstance(one, ScoredBlock)]
    assert [one.model for one in scored] == ["press@2"] * 3 + ["press@1"] * 3
    assert [bool(np.isnan(one.score[0])) for one in scored] == [True] * 3 + [False] * 3
    assert gateway.told[-1] == ("press@2", "rolled_back")


def test_what_the_flow_says_of_a_shadow_is_what_is_compared(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    shadow(store, "3")
    gateway.look()
    state = ScoreState(gateway.duty)
    blocks = [one for at in range(0, 60, 20) for one in state.push([windows(at, 20)])]
    gateway.duty.close()
    kept = store.agreement("press", "3")
    assert kept is not None
    both = np.concatenate([[verdict.score for verdict in one.verdicts] for one in blocks], axis=1)
    assert kept.windows == 60
    np.testing.assert_allclose([row[2:] for row in kept.scores], both.T, rtol=1e-6)
    assert [one.shadow for one in blocks[0].verdicts] == [False, True]
    assert blocks[0].model == "press@2"  # what alarms


def test_d1_a_bundle_of_the_configuration_that_nobody_trusted_signed_is_not_served(
    tmp_path: Path, made: dict[str, Path]
) -> None:
    line = f'trusted_keys = ["{base64.b64encode(bytes(32)).decode()}"]'
    text = CONFIG.replace("[models]", f"[models]\n{line}").replace('name = "press"', f'bundle = "{made["1"]}"')
    config = Config.model_validate(tomllib.loads(text))
    config = config.model_copy(update={"gateway": config.gateway.model_copy(update={"data": tmp_path})})
    gateway = LocalGateway(config, lambda: False, lambda: None)
    with pytest.raises(ScoringFailed, match="it is not signed"):
        gateway.models.of("mill")[0].scorer.score(np.zeros((1, 2, 3)))


@pytest.mark.integration
def test_the_thread_goes_on_after_a_fault_of_its_own(start: Callable[..., Gateway], store: ModelStore) -> None:
    gateway = start()
    look, looks = gateway.recruiter.look, []

    def faulty() -> object:
        looks.append(len(looks))
        if len(looks) == 1:
            raise KeyError("a bug")
        return look()

    gateway.recruiter.look = faulty  # type: ignore[method-assign, assignment]
    promote(store, "3")
    gateway.duty.begin()
    gateway.duty.begin()  # once is enough
    end = time.monotonic() + 30
    while gateway.serving != [("press@3", False)]:
        assert time.monotonic() < end
        time.sleep(0.05)
        gateway.duty.pass_over()
