"""The models of a running flow: `models.served.Models` over the bundles of the configuration and of the store.

The flow's thread reads tuples that are made ready beside it, and hands over what happened; a thread of its own opens
bundles and writes files. So neither a large bundle nor a slow disk holds the flow, and a swap falls between two passes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from queue import Empty, SimpleQueue

import numpy as np
import structlog
from numpy.typing import NDArray

from cloud_sink.records import Alert, Event
from edge_gateway.config.config import Config
from edge_gateway.serving.crew import Crew, Post, Recruiter
from edge_gateway.serving.storm import Storm
from flows.alarms.judge import ANOMALY
from models.life.agreement import Agreement
from models.life.record import Change, Life
from models.refused import RefusedModel
from models.roster import Roster
from models.served import Outcome, Served, Verdict

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
KEEP_EVERY_S = 30.0  # a shadow's figures, 60 kB at most, are written so often; a crash loses what came since
_NOBODY = Post(Life(), None, None, None, None)


@dataclass(slots=True)
class Spent:
    """On a model, in all its versions."""

    seconds: float = 0.0
    rows: int = 0


class ModelDuty:
    """Implements `models.served.Models`.

    Args:
        config: Of the gateway.
        recruiter: Opens bundles; called from the thread of `begin` only, but for the first look.
        fixed: What serves each asset by a bundle of the configuration, whatever the store says.
        tell: Puts events into the outbox, durably, from the flow's thread; False = it cannot yet.
        monotonic: Steady clock, s.
        beside: What else the thread looks at; called as often as the store is.

    Attributes:
        spent: On each model, by name.
    """

    def __init__(
        self,
        config: Config,
        recruiter: Recruiter,
        fixed: Mapping[str, Sequence[Served]],
        tell: Callable[[Sequence[Event]], bool],
        monotonic: Callable[[], float] = time.monotonic,
        beside: Callable[[], None] = lambda: None,
    ) -> None:
        self._beside = beside
        self._config = config
        self._recruiter = recruiter
        self._fixed = fixed
        self._tell = tell
        self._monotonic = monotonic
        self._kept_at = monotonic()
        self.spent: dict[str, Spent] = {}
        self._assets = sorted({*fixed, *(asset for model in config.model for asset in model.assets)})
        self._roster = Roster()
        self._crew = Crew()
        self._next: tuple[Recruiter, Crew] | None = None
        self._agreements: dict[str, Agreement] = {}
        self._storms: dict[str, Storm] = {}
        self._told = 0
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._begun = False
        self._take(recruiter.look() or Crew())

    def of(self, asset: str) -> Sequence[Served]:
        """See `Models.of`."""
        return self._roster.of(asset)

    def noted(self, outcome: Outcome) -> None:
        """A version that was switched off is rolled back; a shadow's troubles are counted. Time spent is summed."""
        spent = self.spent.setdefault(outcome.model.rpartition("@")[0], Spent())
        spent.seconds += outcome.seconds
        spent.rows += outcome.rows
        if not outcome.trouble:
            return
        name, _, version = outcome.model.rpartition("@")
        post = self._crew.posts.get(name)
        if post is None:
            return
        if version == post.life.shadow and name in self._agreements:
            self._agreements[name].failed(outcome.detail)
        if outcome.off and version in (post.life.active, post.life.shadow):
            self._ask(partial(self._recruiter.fail, name, version, f"it was switched off: {outcome.detail}"))

    def judged(self, asset: str, ends: NDArray[np.int64], verdicts: Sequence[Verdict]) -> None:
        """Compare a shadow with the version it may replace."""
        active = {one.name: one for one in verdicts if not one.shadow}
        for one in verdicts:
            agreement = self._agreements.get(one.name) if one.shadow else None
            beside = active.get(one.name)
            if agreement and beside and (agreement.model, agreement.beside) == (one.model, beside.model):
                before, least = agreement.windows, self._config.models.shadow_windows
                agreement.add(asset, ends, beside.score, one.score)
                if before < least <= agreement.windows:  # who waits for that many need not wait for the next writing
                    self._kept_at = -inf

    def raised(self, alerts: Iterable[Alert]) -> None:
        """Alarms that were opened; a storm of them rolls a version back that was promoted lately."""
        for alert in alerts:
            if alert.state != "opened" or alert.rule.split(".")[0] != ANOMALY:
                continue
            name, _, version = alert.model.rpartition("@")
            post = self._crew.posts.get(name)
            if post is None or version != post.life.active or not post.life.previous:
                continue
            if why := self._storms[name].opened(alert.received_time):
                self._storms[name] = Storm(self._config.models, post.life.promoted_at)
                self._ask(partial(self._recruiter.fail, name, version, why))

    def begin(self) -> None:
        """Look after the store from now on, in a thread that ends with the process."""
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._go_on, name="models", daemon=True).start()

    def pass_over(self) -> None:
        """Between two passes of the flow: take what was made ready, tell what changed."""
        ready, self._next = self._next, None
        if ready is not None and ready[0] is self._recruiter:
            self._take(ready[1])
        untold = [change for change in self._crew.untold if change.number > self._told]
        if untold and self._tell([event_of(change) for change in untold]):
            self._told = untold[-1].number
            self._ask(partial(self._recruiter.told, self._told))
        if self._monotonic() - self._kept_at >= KEEP_EVERY_S:
            self._keep()

    def work_off(self) -> None:
        """What the flow asked for, then a look at the store. Of the thread; called by tests without one."""
        while True:
            try:
                self._work.get_nowait()()
            except Empty:
                break
        self._beside()
        recruiter = self._recruiter
        crew = recruiter.look()
        if crew is not None:
            self._next = recruiter, crew

    def change(self, config: Config, recruiter: Recruiter, fixed: Mapping[str, Sequence[Served]], crew: Crew) -> None:
        """Go on with another configuration, from the flow's thread, between two passes.

        Args:
            config: Of the gateway.
            recruiter: Of that configuration, see `Recruiter.renewed`.
            fixed: As at the start.
            crew: What the recruiter found.
        """
        self._config, self._recruiter, self._fixed = config, recruiter, fixed
        self._assets = sorted({*fixed, *(asset for model in config.model for asset in model.assets)})
        for name in self._crew.posts.keys() - crew.posts.keys():
            self._agreements.pop(name, None)
            self._storms.pop(name, None)
        for name, post in crew.posts.items():
            self._storms[name] = Storm(config.models, post.life.promoted_at)
        self._take(crew)

    def close(self) -> None:
        """Write what would be lost; the flow has ended."""
        self._keep()
        self.work_off()

    def told(self) -> list[dict[str, str]]:
        """Which models serve, for the status: name, version, and a role: active, shadow, or refused for none."""
        serving = {
            (*one.scorer.model.rpartition("@")[::2], _role(one))
            for asset in self._assets
            for one in self._roster.of(asset)
        }
        return [{"name": name, "version": version, "role": role} for name, version, role in sorted(serving)]

    def _go_on(self) -> None:
        wait = threading.Event()
        while True:
            try:
                self.work_off()
            # Whatever is wrong with the care of models: those that serve go on, and the next look may do better.
            except Exception:
                log.error("models_not_looked_after", exc_info=True)
            wait.wait(LOOK_EVERY_S)

    def _ask(self, work: Callable[[], None]) -> None:
        self._work.put(work)

    def _keep(self) -> None:
        """Encoded here, for the flow's thread is the one that changes them."""
        self._kept_at = self._monotonic()
        for name, agreement in self._agreements.items():
            version, data = agreement.model.rpartition("@")[2], agreement.encode()
            self._ask(partial(self._recruiter.keep, name, version, data))

    def _take(self, crew: Crew) -> None:
        self._crew = crew
        for name, post in crew.posts.items():
            self._take_post(name, post)
        posts: dict[str, list[Served]] = {asset: list(served) for asset, served in self._fixed.items()}
        for model in self._config.model:
            if model.name is not None:
                for asset in model.assets:
                    posts.setdefault(asset, []).extend(_served(crew.posts.get(model.name, _NOBODY)))
        for asset in self._roster.assets - posts.keys():
            self._roster.put(asset, ())
        for asset, served in posts.items():
            once = list({one.scorer.model: one for one in reversed(served)}.values())[::-1]
            if once != list(self._roster.of(asset)):
                self._roster.put(asset, once)

    def _take_post(self, name: str, post: Post) -> None:
        model, beside = f"{name}@{post.life.shadow}", f"{name}@{post.life.active}"
        running = self._agreements.get(name)
        if post.shadow is None:
            self._agreements.pop(name, None)
        elif running is None or (running.model, running.beside) != (model, beside):
            kept = post.agreement
            goes_on = kept is not None and (kept.model, kept.beside) == (model, beside)
            self._agreements[name] = kept if kept is not None and goes_on else Agreement(model, beside)
        storm = self._storms.get(name)
        if storm is None or storm.promoted_at != post.life.promoted_at:
            self._storms[name] = Storm(self._config.models, post.life.promoted_at)


def _served(post: Post) -> list[Served]:
    """The active version, or who stands in for it, then the shadow."""
    first = post.active or post.refused
    found = [] if first is None else [Served(first)]
    return found if post.shadow is None else [*found, Served(post.shadow, shadow=True)]


def _role(one: Served) -> str:
    if isinstance(one.scorer, RefusedModel):
        return "refused"
    return "shadow" if one.shadow else "active"


def event_of(change: Change) -> Event:
    """A step of a model as an event."""
    model = f"{change.model}@{change.version}"
    words = f"{model}: {change.step.replace('_', ' ')}"
    by = f" by {change.by}" if change.by else ""
    why = f": {change.why}" if change.why else ""
    return Event("", "model", change.step.value, change.at, change.at, 0, model, f"{words}{by}{why}.")
