"""Reads holes from the history of a server, behind everything else: live values go first.

A hole is read in slices of time, all tags of a slice before the next slice, so that windows of its time can close as
it goes on. What was read is kept in the hole, so the next link goes on where this one broke.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from connectors.errors import LinkDown, MalformedMessage, RequestRefused
from connectors.opcua.columns import Values
from connectors.opcua.history import HistoryChannel, Session, read_slice
from connectors.opcua.holes import Hole, Holes
from connectors.opcua.seam.explain import code_name
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.subscription import parts
from connectors.opcua.terms import Node, ServerFacts
from connectors.samples import Notice, NoticeKind

logger = structlog.get_logger()

SLICE_VALUES = 10_000  # slices are made longer below it, shorter above twice as many
SHORTEST_SPAN_NS = 1_000_000_000
LONGEST_SPAN_NS = 86_400_000_000_000
NAMED = 5  # tags in one notice


class Backfill:
    """Fills the holes of one server, over as many links as it takes."""

    def __init__(
        self,
        settings: OpcUaSettings,
        holes: Holes,
        deliver: Callable[[Values], int],
        tell: Callable[[Notice], None],
        counters: Counter[str],
    ) -> None:
        """Read nothing yet.

        Args:
            settings: Handles are positions in its tags.
            holes: What is missing.
            deliver: Takes values with their handles; returns how many samples they made.
            tell: Takes BACKFILL notices.
            counters: Counted here: "backfilled_values", "backfill_requests", "backfill_refused" (tags), and holes:
                "backfill_finished" (all of it was read), "backfill_failed" (some of it was not),
                "backfill_impossible" (no tag has a history).
        """
        self._settings = settings
        self._holes = holes
        self._deliver = deliver
        self._tell = tell
        self._counters = counters
        self._known: dict[int, bool] = {}  # handle -> it has a history that can be read, in this session
        self._wake = asyncio.Event()

    def anew(self) -> None:
        """A new session begins: what its server can do is to be seen."""
        self._known.clear()

    def wake(self) -> None:
        """There is a hole to read."""
        self._wake.set()

    async def run(self, channel: HistoryChannel, nodes: Callable[[], Mapping[int, Node]], facts: ServerFacts) -> None:
        """Read what is missing until cancelled. Nothing that happens to a history ends the link.

        Args:
            channel: With a session.
            nodes: Handle -> node, as of now.
            facts: Of the server.
        """
        loop = asyncio.get_running_loop()
        session = Session(channel, facts, self._settings.backfill_rate, self._deliver, self._counters)
        while True:
            self._wake.clear()
            due = self._holes.due
            if due is None:
                await self._wake.wait()
            elif due > loop.time():
                await asyncio.sleep(due - loop.time())
            else:
                await self._fill(session, nodes(), self._holes.next())
                self._holes.done()

    async def _fill(self, session: Session, nodes: Mapping[int, Node], hole: Hole) -> None:
        stopped = ""
        try:
            able = await self._having(session, nodes, hole)
            while able and hole.start < hole.end:
                stop = min(hole.start + hole.span, hole.end)
                values = await read_slice(session, hole, stop, {handle: nodes[handle] for handle in able})
                hole.start = stop
                if values < SLICE_VALUES:
                    hole.span = min(2 * hole.span, LONGEST_SPAN_NS)
                elif values > 2 * SLICE_VALUES:
                    hole.span = max(hole.span // 2, SHORTEST_SPAN_NS)
                able = [handle for handle in able if handle not in hole.refused]
                if stop < hole.end:
                    self._tell(self._notice(hole, "advanced", stop, ""))
        except (LinkDown, RequestRefused, MalformedMessage) as error:
            stopped = f"The history could not be read to its end: {error}."
        for handle in hole.refused.keys() & self._known.keys():
            if self._known[handle]:
                self._counters["backfill_refused"] += 1
                self._known[handle] = False
        self._end(hole, stopped)

    async def _having(self, session: Session, nodes: Mapping[int, Node], hole: Hole) -> list[int]:
        """Tags of the hole whose history can be read; each node is asked once a session."""
        there = [handle for handle in hole.after if handle in nodes]
        for part in parts([h for h in there if h not in self._known], session.facts.max_read // 3):
            answer = await session.channel.have_history([nodes[h] for h in part], session.facts.namespaces)
            self._known |= zip(part, answer, strict=True)
        return [handle for handle in there if self._known[handle]]

    def _end(self, hole: Hole, stopped: str) -> None:
        """Say what became of a hole, so that the gap is known for what it is."""
        tags = self._settings.tags
        having = [handle for handle in hole.after if self._known.get(handle) or handle in hole.refused]
        log = logger.bind(driver=self._settings.name, asset=hole.asset, values=hole.values)
        if not having and not stopped:
            self._counters["backfill_impossible"] += 1
            log.warning("opcua_backfill_impossible", reason="no tag has a history that can be read")
            return
        without = [handle for handle in hole.after if handle not in having]
        why = [stopped] if stopped else []
        if hole.cut:
            why.append(f"The hole is longer than backfill_limit ({self._settings.backfill_limit}); its end was read.")
        if hole.refused:
            names = ", ".join(f"{tags[handle].tag}: {code_name(c)}" for handle, c in [*hole.refused.items()][:NAMED])
            why.append(f"The server refused the history of {len(hole.refused)} tags ({names}).")
        if without:
            names = ", ".join(tags[handle].tag for handle in without[:NAMED])
            why.append(f"{len(without)} tags have no history ({names}).")
        failed = stopped or hole.cut or hole.refused
        reason = "partly" if failed or without else "finished"
        self._counters["backfill_failed" if failed else "backfill_finished"] += 1
        if failed:
            log.error("opcua_backfill_failed", detail=" ".join(why))
        else:
            log.info("opcua_backfill_finished", detail=" ".join(why))
        self._tell(self._notice(hole, reason, hole.end, " ".join(why)))

    def _notice(self, hole: Hole, reason: str, end: int, why: str) -> Notice:
        told = f"{hole.values} values of the gap were read from the server's history. {why}".rstrip()
        name = self._settings.name
        return Notice(NoticeKind.BACKFILL, hole.asset, reason, hole.begun, end, hole.values, name, told)
