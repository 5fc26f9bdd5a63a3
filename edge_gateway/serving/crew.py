"""Which version of each named model serves, and opening it: what cannot be opened is rolled back, and told.

Runs outside of the flow's thread, since opening a bundle takes milliseconds to seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from edge_gateway.config.config import Config
from edge_gateway.model_fit import assets_of, misfits, store_of
from models.errors import LifeRefused, ModelError
from models.features import FeatureSet
from models.life import steps
from models.life.agreement import Agreement
from models.life.record import Change, Life, Lives, Step
from models.life.steps import Asked
from models.life.store import ModelStore
from models.onnx_scorer import OnnxScorer
from models.refused import RefusedModel
from models.watchdog import Watchdog

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Post:
    """One named model as it is to be served.

    Attributes:
        life: Of the model.
        active: None = no version is active, or none can be opened.
        shadow: None = there is none.
        refused: Stands in where none can be opened, and says so of every window; None = nothing to say.
        agreement: What the shadow showed before; None = nothing.
    """

    life: Life
    active: OnnxScorer | None
    shadow: OnnxScorer | None
    refused: RefusedModel | None
    agreement: Agreement | None


@dataclass(frozen=True, slots=True, eq=False)
class Crew:
    """All of them.

    Attributes:
        posts: By name.
        untold: Changes that no event has told yet.
    """

    posts: Mapping[str, Post] = field(default_factory=dict)
    untold: tuple[Change, ...] = ()


class Recruiter:
    """Opens what the store says. One thread at a time.

    Args:
        config: Of the gateway.
        features: Its feature set.
        watchdog: Of the flow's thread, which calls what is opened here.
        clock: ns since the epoch.
    """

    def __init__(
        self, config: Config, features: FeatureSet, watchdog: Watchdog, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._config = config
        self._flows_watchdog, self._watchdog = watchdog, Watchdog()
        self._features = features
        self._clock = clock
        self.store: ModelStore = store_of(config)
        self._budgets = {model.name: model.time_budget for model in config.model if model.name is not None}
        self._open: dict[tuple[str, str], OnnxScorer] = {}
        self._seen: tuple[int, int, int] | None = None
        self._failing = ""

    def renewed(self, config: Config) -> Recruiter:
        """One for another configuration with the same features; what is open and still opened so stays open."""
        other = Recruiter(config, self._features, self._flows_watchdog, self._clock)
        other._watchdog = self._watchdog
        if config.models.trusted_keys == self._config.models.trusted_keys:
            same = {name for name, budget in other._budgets.items() if self._budgets.get(name) == budget}
            other._open = {key: scorer for key, scorer in self._open.items() if key[0] in same}
        return other

    @property
    def trouble(self) -> str:
        """Why the last look told nothing; "" = it did."""
        return self._failing

    def look(self) -> Crew | None:
        """The crew, if it may be another one than at the last look; None = nothing changed, or it cannot be told."""
        seen = _stamp(self.store.file)
        if seen == self._seen:
            return None
        try:
            crew = self._crew()
        except LifeRefused as refused:  # what is served goes on as it is
            if self._failing != str(refused):
                log.error("models_not_readable", error=str(refused))
            self._failing = str(refused)
            return None
        self._failing = ""
        self._seen = seen  # a change in between is another stamp, and the next look's
        return crew

    def fail(self, name: str, version: str, why: str) -> None:
        """A version does not do: see `steps.fail`."""
        log.warning("model_failed", model=f"{name}@{version}", why=why)
        self._step(lambda lives: steps.fail(lives, name, version, Asked(self._clock(), why=why)))

    def told(self, number: int) -> None:
        """The changes up to this one are in the outbox."""
        self._step(lambda lives: steps.tell(lives, number))

    def keep(self, name: str, version: str, agreement: bytes) -> None:
        """Figures of a shadow."""
        try:
            self.store.keep_agreement(name, version, agreement)
        except OSError as error:  # a full disk; the next time may do, and the flow goes on either way
            log.warning("shadow_figures_not_written", model=f"{name}@{version}", error=error.strerror)

    def _step(self, step: Callable[[Lives], Lives]) -> None:
        try:
            self.store.change(step)
        except LifeRefused as refused:
            log.error("models_not_changed", error=str(refused))

    def _crew(self) -> Crew:
        lives = self.store.read()
        posts: dict[str, Post] = {}
        for name in self._budgets:
            lives, posts[name] = self._post(lives, name)
        serving = {(name, one) for name, post in posts.items() for one in (post.life.active, post.life.shadow)}
        self._open = {key: scorer for key, scorer in self._open.items() if key in serving}
        return Crew(posts, lives.untold)

    def _post(self, lives: Lives, name: str) -> tuple[Lives, Post]:
        """Open both versions; each one that cannot be opened leads to another life, a few times at most."""
        while True:
            life = lives.of(name)
            try:
                active = self._scorer(name, life.active)
            except ModelError as error:
                lives = self._refused(name, str(life.active), error)
                continue
            try:
                shadow = self._scorer(name, life.shadow)
            except ModelError as error:
                lives = self._refused(name, str(life.shadow), error)
                continue
            agreement = self.store.agreement(name, life.shadow) if life.shadow else None
            return lives, Post(life, active, shadow, _refused(lives, name), agreement)

    def _refused(self, name: str, version: str, error: ModelError) -> Lives:
        model = f"{name}@{version}"
        log.error("model_refused", model=model, error=str(error))
        asked = Asked(self._clock(), why=f"it cannot be served: {error}", force=True)
        return self.store.change(lambda lives: steps.fail(lives, name, version, asked))

    def _scorer(self, name: str, version: str | None) -> OnnxScorer | None:
        """One that is open already is the same object: a shadow that is promoted goes on."""
        if version is None:
            return None
        scorer = self._open.get((name, version))
        if scorer is None:
            folder = self.store.folder(name, version)
            scorer = OnnxScorer.load(folder, self.store.keys, self._budgets[name], self._watchdog)
            model = f"{name}@{version}"
            if scorer.model != model:
                raise LifeRefused(model, f"the bundle calls itself {scorer.model}", "add it again")
            for rule, fix in misfits(self._config, assets_of(self._config, name), scorer.manifest, self._features):
                raise LifeRefused(model, rule, fix.rstrip("."))
            scorer.watched_by(self._flows_watchdog)
            self._open[name, version] = scorer
        return scorer


_OF_SERVING = (Step.PROMOTED, Step.ROLLED_BACK, Step.FAILED)


def _refused(lives: Lives, name: str) -> RefusedModel | None:
    """Where the last that happened is that no version was left: until somebody promotes one, its windows say so."""
    last = next((one for one in reversed(lives.changes) if one.model == name and one.step in _OF_SERVING), None)
    if lives.of(name).active is not None or last is None or last.step is not Step.FAILED:
        return None
    return RefusedModel(f"{name}@{last.version}", last.why)


def _stamp(path: Path) -> tuple[int, int, int]:
    """Tells one content of a file that is always replaced from another; zeros = it is not there."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_mtime_ns, found.st_size
