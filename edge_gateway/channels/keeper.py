"""All channels of a gateway, each in its time, in a thread beside the deliverers: no target waits for another."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from cloud_sink.egress import EgressLedger
from cloud_sink.errors import DeliveryError, TransientDeliveryError
from edge_gateway.channels.follower import Follower
from edge_gateway.channels.kept import KeptFile
from edge_gateway.channels.outside import Outside
from edge_gateway.config.config import Config
from edge_gateway.config.targets import MqttTargetSection
from edge_gateway.model_fit import store_of
from edge_gateway.targets import open_shelf
from models.errors import LifeRefused

log = structlog.get_logger(__name__)

STEP_EVERY_S = 2.0  # to look whether a shadow has seen enough
_FIRST_S = 30.0  # after a failure, doubled from one to the next up to `every`
_TICK_S = 0.5


class Turn:
    """When a follower asks, and when it steps. Pure but for its clock.

    Args:
        follower: Whose.
        monotonic: Steady clock, s.
        uniform: Draws the jitter.
    """

    def __init__(
        self,
        follower: Follower,
        monotonic: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._follower = follower
        self._monotonic = monotonic
        self._uniform = uniform
        self._every = follower.section.every.total_seconds()
        self._jitter = follower.section.jitter.total_seconds()
        self._failures = 0
        self._poll_at = monotonic() + uniform(0.0, self._jitter)  # a site that was switched on does not ask at once
        self._step_at = 0.0

    def take(self) -> None:
        """Do what is due."""
        now = self._monotonic()
        try:
            if now >= self._poll_at:
                self._poll_at = now + self._every + self._uniform(0.0, self._jitter)
                self._follower.poll()
                self._failures, self._step_at = 0, now
            if now >= self._step_at:
                self._step_at = now + STEP_EVERY_S
                while self._follower.step():
                    pass
                self._follower.unreached = ""  # after a failure both are due: the poll was answered, too
        except DeliveryError as error:
            self._failed(error)

    def _failed(self, error: DeliveryError) -> None:
        """Full jitter up to a doubled wait, as in deliveries; steps wait as well, for one of them may have failed."""
        longest = min(_FIRST_S * 2.0 ** min(self._failures, 30), self._every)
        named = error.retry_after if isinstance(error, TransientDeliveryError) else None
        wait = self._uniform(longest / 2, longest) if named is None else max(named, longest)
        self._failures += 1
        self._poll_at = self._step_at = self._monotonic() + wait
        if self._follower.unreached != str(error):
            log.warning("channel_not_reached", model=self._follower.section.model, error=str(error), retry_in_s=wait)
        self._follower.unreached = str(error)


class ChannelKeeper:
    """Follows channels until the process ends."""

    def __init__(self, turns: Mapping[str, Turn], followers: Sequence[Follower]) -> None:
        self._turns = turns
        self._followers = followers
        self._stop = threading.Event()

    def begin(self) -> None:
        """In a thread that ends with the process."""
        if self._turns:
            threading.Thread(target=self._run, name="channels", daemon=True).start()

    def close(self) -> None:
        """Begin nothing any more."""
        self._stop.set()

    def take(self, config: Config) -> None:
        """The configuration in force is another: a bundle that did not fit may do so now."""
        for one in self._followers:
            one.take(config)

    def facts(self) -> Mapping[str, Any]:
        """For the status file, by model."""
        return {one.section.model: one.facts() for one in self._followers}

    def _run(self) -> None:
        while not self._stop.wait(_TICK_S):
            for model, turn in self._turns.items():
                try:
                    turn.take()
                # Whatever is wrong with one channel: records go on being delivered, and the next look may do better.
                except Exception:
                    log.error("channel_not_followed", model=model, exc_info=True)


def open_keeper(config: Config, ledger: EgressLedger) -> ChannelKeeper:
    """Of a configuration; nothing is asked yet.

    Where what is known of channels cannot be read, none is followed: records are delivered, and what serves goes on.
    """
    store, sections = store_of(config), config.models.channels
    if not sections:
        return ChannelKeeper({}, [])
    try:
        kept = KeptFile(config.gateway.data)
    except LifeRefused as refused:
        log.error("channels_not_readable", error=str(refused))
        return ChannelKeeper({}, [])
    followers = []
    for section in sections:
        target = next(one for one in config.target if one.label() == section.target)
        assert not isinstance(target, MqttTargetSection)  # `channel_problems` refuses it
        followers.append(Follower(config, section, store, Outside(open_shelf(target), ledger, kept)))
    return ChannelKeeper({one.section.model: Turn(one) for one in followers}, followers)
