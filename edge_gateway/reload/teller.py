"""What came of reloads, as events: the flow process writes the records of a gateway, so it tells them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from cloud_sink.records import Event
from edge_gateway.reload.outcomes import SAME, Outcome, read_outcomes

log = structlog.get_logger(__name__)

_TOLD = "told"
_MOST_CHARACTERS = 2000


class Teller:
    """Tells each outcome once; after a kill in between, once more under the same key.

    Args:
        folder: Where outcomes are kept.
        tell: Puts events into the outbox, durably, from the flow's thread; False = it cannot yet.
    """

    def __init__(self, folder: Path, tell: Callable[[Sequence[Event]], bool]) -> None:
        self._folder = folder
        self._tell = tell
        self._told = self._noted = self._read_told()
        self._seen = 0
        self._untold: tuple[Outcome, ...] = ()

    def look(self) -> None:
        """Read what is new, note what was told. Of the thread beside the flow's."""
        told = self._told
        if told != self._noted:
            try:
                (self._folder / _TOLD).write_text(f"{told}\n", encoding="ascii")
            except OSError as error:
                log.warning("reload_not_noted", error=error.strerror)
            self._noted = told
        try:
            stamp = (self._folder / "reloads.json").stat().st_mtime_ns
        except OSError:
            return
        if stamp != self._seen:
            self._seen = stamp
            self._untold = tuple(one for one in read_outcomes(self._folder) if one.number > told)

    def pass_over(self) -> None:
        """Between two passes of the flow."""
        if not self._untold:
            return
        untold = [one for one in self._untold if one.number > self._told]
        news = [event_of(one) for one in untold if one.result != SAME]
        if not untold:
            self._untold = ()
        elif not news or self._tell(news):
            self._told, self._untold = untold[-1].number, ()

    def _read_told(self) -> int:
        try:
            return int((self._folder / _TOLD).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0


def event_of(outcome: Outcome) -> Event:
    """An outcome as a record; it has no values of the configuration in it."""
    changed = sum(part.what != SAME for part in outcome.parts)
    detail = outcome.told()[:_MOST_CHARACTERS]
    return Event("", "reload", outcome.result, outcome.at, outcome.at, changed, "configuration", detail)
