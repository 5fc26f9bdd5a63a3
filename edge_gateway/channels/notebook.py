"""What is known of one followed channel over restarts, and what is wrong with it just now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog

from edge_gateway.channels.kept import Kept
from edge_gateway.channels.outside import Outside
from models.life import steps
from models.life.record import Lives, Step
from models.life.steps import Asked
from models.life.store import ModelStore

log = structlog.get_logger(__name__)

MOST_WHY = 600


class Notebook:
    """See above. For one thread, but for `trouble`, which another may read.

    Args:
        model: Its name.
        channel: Its name.
        store: Where the changes are written that an event tells later.
        outside: See there.
    """

    def __init__(self, model: str, channel: str, store: ModelStore, outside: Outside) -> None:
        self.model = model
        self.by = f"channel {channel}"
        self._store = store
        self._outside = outside
        kept = outside.kept.of(model)
        if kept is None or kept.channel != channel:
            kept = Kept(channel, outside.clock())
        self.kept = kept
        self._troubles: dict[str, str] = {}

    @property
    def trouble(self) -> str:
        """The latest that lasts; "" = nothing."""
        return next(reversed(self._troubles.values()), "")

    def keep(self, **news: Any) -> None:
        """Know these fields of `Kept` otherwise.

        Raises:
            OSError: It cannot be written; then nothing is known otherwise.
        """
        kept = replace(self.kept, **news)
        self._outside.kept.keep(self.model, kept)  # first on the disk: a counter must not be forgotten
        self.kept = kept

    def tell(self, trouble: str, what: str, step: Step, why: str) -> None:
        """By one event as long as it lasts.

        Args:
            trouble: Its kind, and the version where it is about one.
            what: The version, or the channel.
            step: As which it stands among the changes.
            why: A sentence for people.
        """
        self.over(trouble)
        self._troubles = {**self._troubles, trouble: why}  # the latest is last; a new one, for another thread reads it
        if trouble not in self.kept.told:
            log.warning("channel_trouble", model=self.model, about=what, reason=step.value, why=why)
            self.change(lambda lives: steps.noted(lives, self.model, what, step, self.asked(why)))
            self.keep(told=(*self.kept.told[-9:], trouble))

    def over(self, *troubles: str) -> None:
        """These have ended."""
        self._troubles = {what: why for what, why in self._troubles.items() if what not in troubles}

    def over_of(self, version: str) -> None:
        """All that was wrong with a version has ended."""
        self.over(*(what for what in self._troubles if what.split()[-1] == version))

    def all_over(self) -> None:
        """A new issue: what is wrong with it will be told anew."""
        self._troubles = {}

    def change(self, step: Callable[[Lives], Lives]) -> None:
        """One step of the models' lives."""
        self._store.change(step)

    def asked(self, why: str) -> Asked:
        """By this channel, now."""
        return Asked(self._outside.clock(), self.by, why[:MOST_WHY])
