"""One model that follows a channel: hears what is wanted of it, and takes one step after the other towards it.

Runs in the deliver process, where the network is. The flow sees nothing of it but `models.json`, as after a command of
a person: it opens what became the shadow or the active version, swaps between two windows, and rolls back by itself.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from cloud_sink.egress import EgressLedger
from cloud_sink.errors import DeliveryError, PermanentDeliveryError, TransientDeliveryError, TransientReason
from cloud_sink.targets.base import Fetched, Shelf
from edge_gateway.channels.fetching import fetch_bundle
from edge_gateway.channels.kept import Kept, KeptFile
from edge_gateway.config.config import Config
from edge_gateway.config.models import ChannelSection
from edge_gateway.config.units import duration_text
from edge_gateway.model_fit import assets_of, misfits
from flows.durations import to_ns
from models.bundle import read_manifest
from models.channel import MOST_BYTES, Channel, Pick, channel_key, check_fresh, chosen, read_channel
from models.errors import BundleNotJudged, BundleRejected, ChannelRefused, LifeRefused
from models.features import FeatureSet
from models.life import steps
from models.life.agreement import Figures
from models.life.follow import Do, Found, Next, Order, next_step
from models.life.record import Life, Lives, Step
from models.life.steps import Asked
from models.life.store import ModelStore
from models.trial import try_bundle

log = structlog.get_logger(__name__)

_MOST_WHY = 600
_AGAIN_NS = 24 * 3600 * 10**9  # what may have passed by is fetched once a day: uplinks are paid by the byte


@dataclass(frozen=True, slots=True)
class Outside:
    """What a follower needs of the world.

    Attributes:
        shelf: Where the channel and its bundles lie.
        ledger: Of what leaves.
        kept: Of this gateway.
        clock: ns since the epoch.
        try_out: Opens a bundle where it can do no harm: `models.trial.try_bundle`.
    """

    shelf: Shelf
    ledger: EgressLedger
    kept: KeptFile
    clock: Callable[[], int] = time.time_ns
    try_out: Callable[[Path, Any, timedelta], object] = try_bundle


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
        self._name = section.model
        self._by = f"channel {section.channel}"
        kept = outside.kept.of(self._name)
        if kept is None or kept.channel != section.channel:
            kept = Kept(section.channel, outside.clock())
        self._kept = kept
        self._channel = self._known()
        # By hash of the manifest, when to try it again: it may fit another configuration, or a machine less busy.
        self._misfits: dict[str, int] = {}
        self._troubles: dict[str, str] = {}
        self.unreached = ""  # set by whoever takes the turns

    def take(self, config: Config) -> None:
        """Windows, features and tags are others; keys and channels would have come with a restart."""
        self._config, self._misfits = config, {}

    @property
    def trouble(self) -> str:
        """What is wrong now, the latest of it; "" = nothing."""
        return self.unreached or next(reversed(self._troubles.values()), "")

    def facts(self) -> Mapping[str, Any]:
        """For the status file."""
        channel = self._channel
        return {
            "channel": self.section.channel,
            "target": self._outside.shelf.name,
            "counter": self._kept.counter,
            "wanted": channel.wanted.version if channel else None,
            "percent": channel.percent if channel else None,
            "chosen": self._chosen(channel) if channel else None,
            "issued": channel.issued if channel else 0,
            "heard": self._kept.heard,
            "trouble": self.trouble,
        }

    def poll(self) -> None:
        """Ask once whether the channel has changed.

        Raises:
            DeliveryError: There was no answer, or no channel; what was known holds.
        """
        now = self._outside.clock()
        try:
            found = self._ask(channel_key(self._name, self.section.channel), MOST_BYTES, self._kept.tag)
        except PermanentDeliveryError as error:
            self._not_taken(error, now)
            return
        except TransientDeliveryError:
            self._look_at_age(now)
            raise
        if found.data is None or hashlib.sha256(found.data).hexdigest() == self._kept.digest:
            self._over("channel_refused")
            self._keep(heard=now, tag=found.tag or self._kept.tag, told=self._without("channel_refused"))
            self._look_at_age(now)
            return
        digest = hashlib.sha256(found.data).hexdigest()
        try:
            channel = read_channel(found.data, self._store.keys, self._name, self.section.channel)
            check_fresh(channel, digest, self._kept.seen, now)
        except ChannelRefused as refused:
            self._not_taken(refused, now)
            return
        self._keep(
            heard=now,
            counter=channel.counter,
            digest=digest,
            text=found.data.decode(),
            tag=found.tag,
            told=(),
        )
        self._channel, self._troubles = channel, {}
        self._look_at_age(now)
        log.info("channel_taken", model=channel.model, channel=self._kept.channel, counter=channel.counter)

    def _not_taken(self, why: Exception, now: int) -> None:
        self._tell("channel_refused", f"channel-{self.section.channel}", Step.CHANNEL_REFUSED, str(why))
        self._look_at_age(now)

    def step(self) -> bool:
        """Go one step towards what is wanted.

        Returns:
            Whether one was taken: then there may be another.

        Raises:
            DeliveryError: A bundle did not come; try again later.
        """
        channel = self._channel
        if channel is None or self._outside.clock() >= channel.not_after:
            return False
        lives = self._store.read()
        life = lives.of(self._name)
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
        return pick.manifest in self._kept.refused or self._outside.clock() < self._misfits.get(pick.manifest, 0)

    def _do(self, step: Next, pick: Pick | None, channel: Channel) -> bool:
        name, version = self._name, step.version
        if step.do is Do.NOTHING:
            return False
        if step.do is Do.FETCH:
            assert pick is not None
            self._admit(pick)
            return True
        if step.do is Do.FAIL:
            self._change(lambda lives: steps.fail(lives, name, version, self._asked(step.why)))
            return True
        if step.do is Do.END_SHADOW:
            self._change(lambda lives: steps.shadow(lives, name, None, 0, self._asked("the channel went on")))
            return True
        counter = read_manifest(self._store.folder(name, version), self._store.keys).counter
        why = f"issue {channel.counter} asks for it"
        if step.do is Do.SHADOW:
            self._change(lambda lives: steps.shadow(lives, name, version, counter, self._asked(why)))
            self._store.forget_agreement(name, version)
            return True
        if step.do is Do.GO_BACK:
            self._change(lambda lives: self._go_back(lives, version, counter, f"issue {channel.counter} goes back"))
        else:
            self._change(lambda lives: self._promote(lives, version, counter, why))
        self._prune(channel)
        return True

    def _promote(self, lives: Lives, version: str, counter: int, why: str) -> Lives:
        least = self._config.models.shadow_windows
        figures = self._figures(lives.of(self._name))
        return steps.promote(lives, self._name, version, counter, figures, least, self._asked(why))

    def _go_back(self, lives: Lives, version: str, counter: int, why: str) -> Lives:
        if version in lives.of(self._name).previous:
            return steps.back_to(lives, self._name, version, self._asked(why))
        forced = replace(self._asked(why), force=True)
        return steps.promote(lives, self._name, version, counter, Figures(), 0, forced)

    def _admit(self, pick: Pick) -> None:
        """Fetch, try out, look whether it fits, and only then let it into the store."""
        name, root = self._name, self._store.root / "incoming"
        folder = root / f"{name}@{pick.version}"
        for other in root.glob(f"{name}@*") if root.is_dir() else ():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)

        def ask(key: str, most: int) -> bytes:
            try:
                return self._ask(key, most).data or b""
            except PermanentDeliveryError as error:
                raise ChannelRefused(key, "it is larger than its manifest says", "push the version again") from error
            except TransientDeliveryError as error:
                if error.reason is TransientReason.TARGET_MISSING:
                    raise ChannelRefused(key, "it is not there", "push the version again") from error
                raise

        fetch_bundle(ask, name, pick, folder)
        budget = next(model.time_budget for model in self._config.model if model.name == name)
        try:
            self._outside.try_out(folder, self._store.keys, budget)
            self._check_fit(folder)
            self._store.add(folder)
        finally:  # also what was refused: it would be refused again
            shutil.rmtree(folder, ignore_errors=True)
        self._change(lambda lives: steps.added(lives, name, pick.version, self._asked("")))
        self._keep(fetched=tuple(dict.fromkeys((*self._kept.fetched, pick.version))))
        self._over(*(what for what in self._troubles if what.split()[-1] == pick.version))

    def _check_fit(self, folder: Path) -> None:
        manifest = read_manifest(folder, self._store.keys)
        assets = assets_of(self._config, self._name)
        for rule, fix in misfits(self._config, assets, manifest, self._features()):
            raise LifeRefused(manifest.model, rule, fix.rstrip("."))

    def _features(self) -> FeatureSet:
        """A user's module is imported only where there is one, and a version to be judged."""
        section = self._config.features
        if section.module is None:
            return section.feature_set()
        from edge_gateway.flow_file import FlowRejected, load_features  # noqa: PLC0415 - see above

        try:
            return load_features(section)
        except FlowRejected as error:  # as a bundle that does not fit: no reason to fetch it again and again
            fix = "correct it, then reload or start again"
            raise LifeRefused(self._name, f"nothing can be judged: {error}", fix) from error

    def _refuse(self, pick: Pick | None, refused: Exception) -> None:
        """What its bytes condemn is never fetched again, what may pass another time once a day or after a restart.

        What came damaged, or did not fit on the disk, is fetched again soon.
        """
        why, version = str(refused), pick.version if pick else ""
        trouble = f"{type(refused).__name__} {version}"
        if isinstance(refused, BundleRejected):
            why = f"{refused.rule}; {refused.fix}"
        self._tell(trouble, version or f"channel-{self.section.channel}", Step.REFUSED, why)
        if pick is not None and isinstance(refused, BundleNotJudged | LifeRefused):
            self._misfits[pick.manifest] = self._outside.clock() + _AGAIN_NS
        elif pick is not None and isinstance(refused, BundleRejected):
            self._keep(refused={**self._kept.refused, pick.manifest: why[:_MOST_WHY]})
        if isinstance(refused, ChannelRefused | OSError):
            raise TransientDeliveryError(TransientReason.VERIFY_FAILED, why, hold=True) from refused

    def _tell(self, trouble: str, what: str, step: Step, why: str) -> None:
        """By one event as long as it lasts."""
        self._over(trouble)
        self._troubles = {**self._troubles, trouble: why}  # the latest is last; a new one, for another thread reads it
        if trouble not in self._kept.told:
            log.warning("channel_trouble", model=self._name, about=what, reason=step.value, why=why)
            self._change(lambda lives: steps.noted(lives, self._name, what, step, self._asked(why)))
            self._keep(told=(*self._kept.told[-9:], trouble))

    def _over(self, *troubles: str) -> None:
        self._troubles = {what: why for what, why in self._troubles.items() if what not in troubles}

    def _look_at_age(self, now: int) -> None:
        channel, most = self._channel, to_ns(self.section.max_age)
        issued = channel.issued if channel else self._kept.since
        if channel is not None and now >= channel.not_after:
            why = (
                f"its time was over {duration_text(_seconds(now - channel.not_after))} ago: it starts nothing any more"
            )
        elif now - issued > most:
            what = "it was issued" if channel else "nothing was heard since"
            why = f"{what} {duration_text(_seconds(now - issued))} ago, and [models.channels] max_age is "
            why += duration_text(self.section.max_age)
        else:
            return
        heard = (
            f"last answer {duration_text(_seconds(now - self._kept.heard))} ago" if self._kept.heard else "no answer"
        )
        self._tell("channel_old", f"channel-{self.section.channel}", Step.CHANNEL_OLD, f"{why} ({heard})")

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
        if pick is None or not (digest := self._store.digest(self._name, pick.version)):
            return None
        if digest != pick.manifest:
            model = f"{self._name}@{pick.version}"
            fix = "give the next version another name, or remove this one from the store"
            raise LifeRefused(model, "another bundle of this version is in the store", fix)
        return read_manifest(self._store.folder(self._name, pick.version), self._store.keys).counter

    def _figures(self, life: Life) -> Figures:
        agreement = self._store.agreement(self._name, life.shadow) if life.shadow else None
        if agreement is None or agreement.beside != f"{self._name}@{life.active}":
            return Figures()
        return agreement.figures()

    def _set_shadow(self, lives: Lives) -> bool:
        shadow = lives.of(self._name).shadow
        last = next(
            (
                one
                for one in reversed(lives.changes)
                if (one.model, one.version, one.step) == (self._name, shadow, Step.SHADOWED)
            ),
            None,
        )
        return last is not None and last.by == self._by

    def _prune(self, channel: Channel) -> None:
        """What came by the channel, and is not needed any more, goes: the disk of a gateway is small."""
        life = self._store.read().of(self._name)
        needed = {life.active, life.shadow, *life.previous, channel.wanted.version}
        needed.add(channel.others.version if channel.others else None)
        for version in self._kept.fetched:
            if version not in needed:
                self._store.remove(self._name, version)
        self._keep(fetched=tuple(version for version in self._kept.fetched if version in needed))

    def _ask(self, key: str, most: int, tag: str = "") -> Fetched:
        """One object, and its line in the ledger."""
        shelf, ledger = self._outside.shelf, self._outside.ledger
        try:
            found = shelf.fetch(key, most, tag)
        except DeliveryError as error:
            ledger.asked(key, shelf.name, error, self._outside.clock())
            raise
        ledger.asked(key, shelf.name, found, self._outside.clock())
        return found

    def _known(self) -> Channel | None:
        """The issue that was taken before a restart, if its key is still trusted."""
        if self._kept.counter < 0:
            return None
        try:
            return read_channel(self._kept.text.encode(), self._store.keys, self._name, self._kept.channel)
        except ChannelRefused as refused:
            log.warning("channel_not_trusted_any_more", model=self._name, error=str(refused))
            return None

    def _change(self, step: Callable[[Lives], Lives]) -> None:
        self._store.change(step)

    def _asked(self, why: str) -> Asked:
        return Asked(self._outside.clock(), self._by, why[:_MOST_WHY])

    def _without(self, trouble: str) -> tuple[str, ...]:
        return tuple(one for one in self._kept.told if one != trouble)

    def _keep(self, **news: Any) -> None:
        kept = replace(self._kept, **news)
        self._outside.kept.keep(self._name, kept)  # first on the disk: a counter must not be forgotten
        self._kept = kept


def _seconds(ns: int) -> timedelta:
    return timedelta(seconds=ns // 10**9)
