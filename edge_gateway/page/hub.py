"""From one look a second to any number of open pages, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from connectors.errors import ConnectorError

log = structlog.get_logger(__name__)

EVERY_S = 1.0
_IDLE_S = 15.0  # a comment that often tells proxies, and us, that somebody is still there
MOST_PAGES = 32


class Hub:
    """Looks while somebody looks, and hands each page what has changed since it was last told."""

    def __init__(
        self, look: Callable[[], Mapping[str, Any]], rest: Callable[[], None], stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Nothing runs yet.

        Args:
            look: Every section of the page; called in a thread, one call at a time.
            rest: Called when the last page has gone.
            stop: Asked after each look; once true, every page's stream ends.
        """
        self._stop = stop
        self._look = look
        self._rest = rest
        self._sections: dict[str, str] = {}  # as JSON
        self._changed = asyncio.Condition()
        self._pages = 0
        self._looking: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        """Whether as many pages are open as there may be."""
        return self._pages >= MOST_PAGES

    async def events(self) -> AsyncIterator[str]:
        """For one page: whole events, until it goes away."""
        told: dict[str, str] = {}
        self._pages += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._go_on())
        try:
            yield "retry: 2000\n\n"
            while not self._stop():
                for name, text in self._sections.items():
                    if told.get(name) != text:
                        told[name] = text
                        yield f"event: {name}\ndata: {text}\n\n"
                async with self._changed:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), _IDLE_S)
                        continue
                yield ": still here\n\n"
        finally:
            self._pages -= 1

    async def _go_on(self) -> None:
        try:
            while self._pages:  # not cancelled: a look under way in its thread must not lose its files
                try:
                    sections = await asyncio.to_thread(self._look)
                except (ConnectorError, OSError) as error:  # the journal is of newer software; a file is in between
                    log.warning("page_look_failed", error=str(error))
                    sections = {}
                async with self._changed:
                    self._sections |= {name: json.dumps(one, allow_nan=False) for name, one in sections.items()}
                    self._changed.notify_all()
                await asyncio.sleep(EVERY_S)
        finally:
            self._looking = None
            self._rest()
