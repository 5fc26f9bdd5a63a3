"""One slice of a hole from the history of a server: pages, continuation points, and servers that know neither."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from connectors.errors import LinkDown, MalformedMessage, RequestRefused
from connectors.opcua import codes
from connectors.opcua.columns import Values
from connectors.opcua.holes import Hole
from connectors.opcua.layout import EPOCH_TICKS
from connectors.opcua.terms import HistoryRequest, Node, ServerFacts
from connectors.opcua.times import FIRST_TICK, LAST_TICK, NS_PER_TICK
from connectors.opcua.wire import Fault, HistoryPage, read_history

NODES_PER_CALL = 10  # times `VALUES_PER_NODE` values are decoded within some milliseconds: live ones wait no longer
VALUES_PER_NODE = 1000
TRIES = 3  # of a request that is not answered or cannot be read, and of a tag that does not get on
PAUSE_S = 1.0  # before the second try; doubles


class HistoryChannel(Protocol):
    """What is asked of a session; `seam/channel.py`. Raises RequestRefused, LinkDown."""

    async def have_history(self, nodes: Sequence[Node], namespaces: Sequence[str]) -> list[bool]:
        """Whether each node says that its history may be read."""
        ...

    async def read_history(self, asked: HistoryRequest) -> bytes:
        """A HistoryReadResponse as it came."""
        ...

    def release_history(self, asked: HistoryRequest) -> None:
        """Let the server forget continuation points; never waits, never raises."""
        ...


@dataclass(slots=True)
class Session:
    """How histories are read through one link.

    Attributes:
        channel: Of the link.
        facts: Of its server.
        rate: Values a second.
        deliver: Takes values with their handles; returns how many samples they made.
        counters: Counted here: "backfilled_values", "backfill_requests".
        nodes: In one request; shrinks when the server says that it is too much.
        most: Values of each node in one answer; likewise.
    """

    channel: HistoryChannel
    facts: ServerFacts
    rate: int
    deliver: Callable[[Values], int]
    counters: Counter[str]
    nodes: int = NODES_PER_CALL
    most: int = field(default_factory=lambda: VALUES_PER_NODE)

    def __post_init__(self) -> None:
        if self.facts.max_history:
            self.nodes = min(self.nodes, self.facts.max_history)
        self.most = max(1, min(self.most, self.rate))

    def shrink(self) -> bool:
        """Ask for less at once; False if that cannot be."""
        before = (self.nodes, self.most)
        self.nodes, self.most = max(1, self.nodes // 2), max(1, self.most // 2)
        return before != (1, 1)

    async def ask(self, asked: HistoryRequest) -> list[HistoryPage] | int:
        """The page of every node, or the status code that the request as a whole was refused with.

        Raises:
            LinkDown: It was not answered, several times.
            MalformedMessage: It was answered with what cannot be read, several times.
        """
        for attempt in range(TRIES):
            self.counters["backfill_requests"] += 1
            try:
                answer = read_history(await self.channel.read_history(asked))
                if isinstance(answer, Fault):
                    return answer.code
                if len(answer) == len(asked.nodes):
                    return answer
                msg = f"HistoryReadResponse with {len(answer)} results for {len(asked.nodes)} nodes"
                raise MalformedMessage(msg)
            except RequestRefused as refused:
                # A session that is gone is soon found out by its subscription, and the next one goes on here.
                if refused.code not in codes.SUBSCRIPTION_GONE or attempt == TRIES - 1:
                    return refused.code
            except (LinkDown, MalformedMessage):  # a slow history is no broken link; that one is found out by others
                if attempt == TRIES - 1:
                    raise
            await asyncio.sleep(PAUSE_S * 2**attempt)
        raise AssertionError


async def read_slice(session: Session, hole: Hole, stop: int, nodes: Mapping[int, Node]) -> int:
    """Read a hole from where it stands to `stop` (ns, exclusive) and deliver what was missing.

    Args:
        session: How.
        hole: Its `after` moves on with every page, and `refused` holds the tags that were given up.
        stop: End of the slice.
        nodes: Handle -> node of the tags to read.

    Returns:
        Samples delivered.

    Raises:
        LinkDown, MalformedMessage: See `Session.ask`.
    """
    before = hole.values
    starts = {handle: hole.start for handle in nodes if hole.after[handle] < min(hole.before[handle], stop)}
    strikes: Counter[int] = Counter()
    while starts:
        start = next(iter(starts.values()))
        batch = [handle for handle, begin in starts.items() if begin == start][: session.nodes]
        size = session.nodes, session.most
        reached = await _read(session, hole, batch, nodes, start, stop)
        for handle, end in reached.items():
            if end is None or end >= stop or handle in hole.refused:
                del starts[handle]
            elif end > starts[handle]:
                starts[handle] = end
            elif size == (session.nodes, session.most):  # otherwise less is asked for
                strikes[handle] += 1
                if strikes[handle] == TRIES:
                    hole.refused[handle] = codes.BAD_NO_CONTINUATION_POINTS
                    del starts[handle]
    return hole.values - before


async def _read(
    session: Session, hole: Hole, batch: Sequence[int], nodes: Mapping[int, Node], start: int, stop: int
) -> dict[int, int | None]:
    """Ask for a few nodes and follow their continuation points.

    Returns:
        Handle -> where to ask again, ns; None: all of it was read.
    """
    reached: dict[int, int | None] = dict.fromkeys(batch, start)
    points = dict.fromkeys(batch, b"")
    most = session.most
    asked = None
    try:
        while points:
            places = [nodes[handle] for handle in points]
            asked = HistoryRequest(places, session.facts.namespaces, list(points.values()), start, stop, most)
            pages = await session.ask(asked)
            if isinstance(pages, int):
                if not (pages in codes.TOO_LARGE and session.shrink()):
                    hole.refused |= dict.fromkeys(points, pages)
                break
            count = 0
            for handle, page in zip(list(points), pages, strict=True):
                del points[handle]
                if page.code >> 31:
                    _judge(session, hole, handle, page.code, reached)
                    continue
                times = event_times(page.values)
                count += _deliver(session, hole, handle, page.values, times, stop)
                newest = int(times.max(initial=start))
                if page.point and len(times):
                    points[handle] = page.point
                    reached[handle] = newest
                elif len(times) >= most:  # full, and no continuation point: there are servers that forget it
                    reached[handle] = newest + NS_PER_TICK
                else:
                    reached[handle] = None
            await asyncio.sleep(count / session.rate)
    finally:
        left = {handle: point for handle, point in points.items() if point}
        if left and asked is not None:
            places = [nodes[handle] for handle in left]
            forget = HistoryRequest(places, session.facts.namespaces, list(left.values()), start, stop, most)
            session.channel.release_history(forget)
    return reached


def _judge(session: Session, hole: Hole, handle: int, code: int, reached: dict[int, int | None]) -> None:
    """What a bad status of one node means for it."""
    if code in codes.NO_DATA:
        reached[handle] = None
    elif code in codes.POINT_LOST:
        session.nodes = 1  # and it is asked for again
    elif code in codes.TOO_LARGE:
        session.most = max(1, session.most // 2)
    else:
        hole.refused[handle] = code


def _deliver(session: Session, hole: Hole, handle: int, values: Values, times: NDArray[np.int64], stop: int) -> int:
    """Hand on what was not delivered yet; returns how many samples that were."""
    missing = np.flatnonzero((times > hole.after[handle]) & (times < min(hole.before[handle], stop)))
    if not len(missing):
        return 0
    part = values if len(missing) == len(values) else values.only(missing)
    part.handle = np.full(len(part), handle, dtype=np.uint32)
    hole.after[handle] = int(times[missing].max())
    count = session.deliver(part)
    hole.values += count
    session.counters["backfilled_values"] += count
    return count


def event_times(values: Values) -> NDArray[np.int64]:
    """Source time of every value, ns, or that of the server; -1 where there is none, for such a value has no place."""
    ticks = np.where(_is_time(values.source), values.source, values.server)
    times: NDArray[np.int64] = np.where(_is_time(ticks), (ticks - EPOCH_TICKS) * NS_PER_TICK, -1)
    return times


def _is_time(ticks: NDArray[np.int64]) -> NDArray[np.bool_]:
    valid: NDArray[np.bool_] = (ticks >= FIRST_TICK) & (ticks <= LAST_TICK)
    return valid
