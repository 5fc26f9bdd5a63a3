"""Which units answer, and which of their addresses can be read: what to ask next, given what was answered. Pure.

A unit is first asked for one address of each table. Any reply, also an exception, says that it is there. A table that
answers is then searched upwards: requests double while they are good and are halved where the device refuses; behind
a refused address the step doubles while nothing is found, and where something is, its begin is found by bisection. So a
map of thousands of registers takes some tens of requests. An island behind a hole may be missed where it is narrower
than the step, `Bounds.step` at the widest: at step 1 none is.

The caller does the asking, at whatever pace is good for the line, and may stop at any time.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import Enum

from connectors.modbus.kinds import Table
from connectors.modbus.plan import Limits, Request

MAX_ADDRESS = 0xFFFF


class Outcome(Enum):
    """What became of a request."""

    READ = "read"
    REFUSED = "refused"  # exception 02 or 03: not these addresses
    NO_TABLE = "no_table"  # exception 01: not this function at all
    SILENT = "silent"  # no reply, or a gateway's 0A or 0B: no such unit
    FAILED = "failed"  # anything else; the addresses stay unknown. Of a first request: the table is not searched


@dataclass(slots=True)
class Found:
    """What is known of one unit.

    Attributes:
        answers: Whether it ever answered, exceptions included.
        ranges: Per table, what can be read, as first and last address, ascending.
        requests: How many were asked.
        complete: False where the limit on requests, or silence, ended the search early.
    """

    answers: bool = False
    ranges: dict[Table, list[tuple[int, int]]] = field(default_factory=dict)
    requests: int = 0
    complete: bool = True

    def add(self, request: Request) -> None:
        """Addresses that were read."""
        ranges = self.ranges.setdefault(request.table, [])
        if ranges and ranges[-1][1] + 1 == request.start:
            ranges[-1] = (ranges[-1][0], request.end - 1)
        else:
            ranges.append((request.start, request.end - 1))


Asking = Generator[Request, Outcome, Found]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of the search of one unit.

    Attributes:
        last: Highest address to look at.
        max_requests: For the whole unit.
        step: Widest step over a hole; islands narrower than it may be missed behind one.
        limits: Of a request.
    """

    last: int = 9_999
    max_requests: int = 400
    step: int = 256
    limits: Limits = field(default_factory=Limits)


class _Enough(Exception):  # noqa: N818 - it is none
    """The limit on requests is reached, or the unit fell silent."""


def scan_unit(bounds: Bounds, tables: tuple[Table, ...] = tuple(Table)) -> Asking:
    """Search one unit.

    A generator: yields the next request, is sent its outcome, returns what was found.

    Args:
        bounds: Of the search.
        tables: Which ones to look at.
    """
    found = Found()
    try:
        first: dict[Table, Outcome] = {}
        for table in tables:
            first[table] = yield from _ask(found, bounds, Request(table, 0, 1, ()))
        for table, outcome in first.items():
            if outcome in (Outcome.READ, Outcome.REFUSED):
                yield from _search(found, bounds, table)
    except _Enough:
        found.complete = False
    return found


def _ask(found: Found, bounds: Bounds, request: Request) -> Generator[Request, Outcome, Outcome]:
    if found.requests >= bounds.max_requests:
        raise _Enough
    found.requests += 1
    outcome = yield request
    if outcome is Outcome.SILENT:
        raise _Enough
    found.answers = True
    return outcome


def _search(found: Found, bounds: Bounds, table: Table) -> Generator[Request, Outcome, None]:
    """All of one table, upwards."""
    at, size, step = 0, 8, 1
    span = bounds.limits.span(table)
    wall = 0  # end of a request from here on that was refused: what follows is sought below it
    largest = 1
    refused = -1  # the last address that was, by itself
    while at <= bounds.last:
        size = min(size, span, bounds.last + 1 - at)
        request = Request(table, at, size, ())
        outcome = yield from _ask(found, bounds, request)
        if outcome is Outcome.NO_TABLE:
            return
        if outcome is not Outcome.READ:
            if size > 1:
                wall = at + size
                size //= 2
            else:
                refused = at
                at, step, wall = at + step, min(2 * step, bounds.step), 0
            continue
        if refused < at - 1 and step > 1:  # an island, whose shore is behind us
            at = yield from _shore(found, bounds, table, refused + 1, at)
            size, step, refused = 8, 1, at - 1
            continue
        step = 1
        found.add(request)
        at, largest = at + size, max(largest, size)
        if wall == at:  # all of it could be read after all: the request was too long for the device
            span, wall = largest, 0
        size = max(1, (wall - at) // 2) if wall else 2 * size


def _shore(found: Found, bounds: Bounds, table: Table, low: int, high: int) -> Generator[Request, Outcome, int]:
    """First readable address of low..high, where high is readable and what is below low is not."""
    while low < high:
        middle = (low + high) // 2
        if (yield from _ask(found, bounds, Request(table, middle, 1, ()))) is Outcome.READ:
            high = middle
        else:
            low = middle + 1
    return high
