"""One model that follows a channel: hears what is wanted of it, and takes one step after the other towards it.

Runs in the deliver process, where the network is. The flow sees nothing of it but `models.json`, as after a command of
a person: it opens what became the shadow or the active version, swaps between two windows, and rolls back by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cloud_sink.errors import TransientDeliveryError, TransientReason
from edge_gateway.channels.admission import Admission
from edge_gateway.channels.listener import Listener
from edge_gateway.channels.notebook import MOST_WHY, Notebook
from edge_gateway.channels.outside import Outside
from edge_gateway.config.config import Config
from edge_gateway.config.models import ChannelSection
from models.bundle import read_manifest
from models.channel import Channel, Pick, chosen
from models.errors import BundleNotJudged, BundleRejected, ChannelRefused, LifeRefused
from models.life import steps
from models.life.agreement import Figures
from models.life.follow import Do, Found, Next, Order, next_step
from models.life.record import Life, Lives, Step
from models.life.store import ModelStore

_AGAIN_NS = 24 * 3600 * 10**9  # what may have passed by is fetched once a day: uplinks are paid by the byte


class Follower:
    """See above. For one thread.

    Args:
        config: Of the gateway.
        section: Of the channel.
        store: Of its models.
        outside: See there.
    """

    def __init__(self, config: Config, section: ChannelSection, store: ModelStore, outside: Outside) -> None:
        self.section = section
        self._config = config
        self._store = store
        self._outside = outside
        self._notes = Notebook(section.model, section.channel, store, outside)
        self._listener = Listener(section, store.keys, self._notes, outside)
        self._admission = Admission(store, self._notes, outside)
        # By hash of the manifest, when to try it again: it may fit another configuration, or a machine less busy.
        self._misfits: dict[str, int] = {}
        self.unreached = ""  # set by whoever takes the turns

    def take(self, config: Config) -> None:
        """Windows, features and tags are others; keys and channels would have come with a restart."""
        self._config, self._misfits = config, {}

    @property
    def trouble(self) -> str:
        """What is wrong now, the latest of it; "" = nothing."""
        return self.unreached or self._notes.trouble

    def facts(self) -> Mapping[str, Any]:
        """For the status file."""
        channel = self._listener.channel
        return {
            "channel": self.section.channel,
            "target": self._outside.shelf.name,
            "counter": self._notes.kept.counter,
            "wanted": channel.wanted.version if channel else None,
            "percent": channel.percent if channel else None,
            "chosen": self._chosen(channel) if channel else None,
            "issued": channel.issued if channel else 0,
            "heard": self._notes.kept.heard,
            "trouble": self.trouble,
        }

    def poll(self) -> None:
        """Ask once whether the channel has changed: see `Listener.poll`."""
        self._listener.poll()

    def step(self) -> bool:
        """Go one step towards what is wanted.

        Returns:
            Whether one was taken: then there may be another.

        Raises:
            DeliveryError: A bundle did not come; try again later.
        """
        channel = self._listener.channel
        if channel is None or self._outside.clock() >= channel.not_after:
            return False
        lives = self._store.read()
        life = lives.of(self._notes.model)
        pick, active = self._wanted(channel, life)
        if pick is not None and self._is_refused(pick):
            return False
        try:
            found = Found(life, self._counter(pick), self._set_shadow(lives), self._figures(life))
            order = Order(pick.version if pick else None, active)
            return self._do(next_step(order, found, self._config.models.shadow_windows), pick, channel)
        except (ChannelRefused, BundleRejected, LifeRefused, OSError) as refused:
            self._refuse(pick, refused)
            return False

    def _is_refused(self, pick: Pick) -> bool:
        return pick.manifest in self._notes.kept.refused or self._outside.clock() < self._misfits.get(pick.manifest, 0)

    def _do(self, step: Next, pick: Pick | None, channel: Channel) -> bool:
        name, version = self._notes.model, step.version
        if step.do is Do.NOTHING:
            return False
        if step.do is Do.FETCH:
            assert pick is not None
            self._admission.admit(self._config, pick)
            return True
        if step.do is Do.FAIL:
            self._notes.change(lambda lives: steps.fail(lives, name, version, self._notes.asked(step.why)))
            return True
        if step.do is Do.END_SHADOW:
            self._notes.change(
                lambda lives: steps.shadow(lives, name, None, 0, self._notes.asked("the channel went on"))
            )
            return True
        counter = read_manifest(self._store.folder(name, version), self._store.keys).counter
        why = f"issue {channel.counter} asks for it"
        if step.do is Do.SHADOW:
            self._notes.change(lambda lives: steps.shadow(lives, name, version, counter, self._notes.asked(why)))
            self._store.forget_agreement(name, version)
            return True
        if step.do is Do.GO_BACK:
            self._notes.change(
                lambda lives: self._go_back(lives, version, counter, f"issue {channel.counter} goes back")
            )
        else:
            self._notes.change(lambda lives: self._promote(lives, version, counter, why))
        self._prune(channel)
        return True

    def _promote(self, lives: Lives, version: str, counter: int, why: str) -> Lives:
        least = self._config.models.shadow_windows
        figures = self._figures(lives.of(self._notes.model))
        return steps.promote(lives, self._notes.model, version, counter, figures, least, self._notes.asked(why))

    def _go_back(self, lives: Lives, version: str, counter: int, why: str) -> Lives:
        if version in lives.of(self._notes.model).previous:
            return steps.back_to(lives, self._notes.model, version, self._notes.asked(why))
        forced = replace(self._notes.asked(why), force=True)
        return steps.promote(lives, self._notes.model, version, counter, Figures(), 0, forced)

    def _refuse(self, pick: Pick | None, refused: Exception) -> None:
        """What its bytes condemn is never fetched again, what may pass another time once a day or after a restart.

        What came damaged, or did not fit on the disk, is fetched again soon.
        """
        why, version = str(refused), pick.version if pick else ""
        trouble = f"{type(refused).__name__} {version}"
        if isinstance(refused, BundleRejected):
            why = f"{refused.rule}; {refused.fix}"
        self._notes.tell(trouble, version or f"channel-{self.section.channel}", Step.REFUSED, why)
        if pick is not None and isinstance(refused, BundleNotJudged | LifeRefused):
            self._misfits[pick.manifest] = self._outside.clock() + _AGAIN_NS
        elif pick is not None and isinstance(refused, BundleRejected):
            self._notes.keep(refused={**self._notes.kept.refused, pick.manifest: why[:MOST_WHY]})
        if isinstance(refused, ChannelRefused | OSError):
            raise TransientDeliveryError(TransientReason.VERIFY_FAILED, why, hold=True) from refused

    def _wanted(self, channel: Channel, life: Life) -> tuple[Pick | None, bool]:
        """What this gateway is to serve, and whether it is to raise alarms."""
        if not self._chosen(channel):
            return channel.others, True
        others = channel.others
        if channel.mode == "shadow" and others is not None and life.active != others.version:
            return others, True  # first what it is to be compared with
        return channel.wanted, channel.mode == "active"

    def _chosen(self, channel: Channel) -> bool:
        return chosen(channel, self._config.gateway.site, self._config.gateway.name)

    def _counter(self, pick: Pick | None) -> int | None:
        """Of the version in the store; None = it is not there."""
        if pick is None or not (digest := self._store.digest(self._notes.model, pick.version)):
            return None
        if digest != pick.manifest:
            model = f"{self._notes.model}@{pick.version}"
            fix = "give the next version another name, or remove this one from the store"
            raise LifeRefused(model, "another bundle of this version is in the store", fix)
        return read_manifest(self._store.folder(self._notes.model, pick.version), self._store.keys).counter

    def _figures(self, life: Life) -> Figures:
        agreement = self._store.agreement(self._notes.model, life.shadow) if life.shadow else None
        if agreement is None or agreement.beside != f"{self._notes.model}@{life.active}":
            return Figures()
        return agreement.figures()

    def _set_shadow(self, lives: Lives) -> bool:
        shadow = lives.of(self._notes.model).shadow
        last = next(
            (
                one
                for one in reversed(lives.changes)
                if (one.model, one.version, one.step) == (self._notes.model, shadow, Step.SHADOWED)
            ),
            None,
        )
        return last is not None and last.by == self._notes.by

    def _prune(self, channel: Channel) -> None:
        """What came by the channel, and is not needed any more, goes: the disk of a gateway is small."""
        life = self._store.read().of(self._notes.model)
        needed = {life.active, life.shadow, *life.previous, channel.wanted.version}
        needed.add(channel.others.version if channel.others else None)
        for version in self._notes.kept.fetched:
            if version not in needed:
                self._store.remove(self._notes.model, version)
        self._notes.keep(fetched=tuple(version for version in self._notes.kept.fetched if version in needed))
