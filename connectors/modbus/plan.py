"""Tags in, requests out: the fewest reads that cover every value once. Pure.

A request costs a round trip whatever it carries, so registers that nobody asked for are read through where that saves a
request. It never is longer than the device takes, never splits a value (its halves would be of different moments), and
never crosses a hole, i.e. addresses that the device is known to refuse.

Filling each request from its first value as far as it goes is optimal here, not only cheap: the value with the lowest
address must be in some request, none can start earlier, and taking whatever else fits into it leaves less for the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from connectors.modbus.address import Address, Table
from connectors.modbus.protocol import MAX_BITS, MAX_REGISTERS


@dataclass(frozen=True, slots=True)
class Limits:
    """What the device takes.

    Attributes:
        max_registers: Per request; 4 (a 64-bit value) to 125.
        max_bits: Per request; 1 to 2,000.
        merge_gap: Most addresses that nobody asked for to read through between two values; 0 = none.
    """

    max_registers: int = MAX_REGISTERS
    max_bits: int = MAX_BITS
    merge_gap: int = 50

    def span(self, table: Table) -> int:
        """Most addresses per request in a table."""
        return self.max_bits if table.of_bits else self.max_registers


@dataclass(frozen=True, slots=True)
class Hole:
    """Addresses start..end-1 of a table that no request may touch; where start == end, a border none may cross."""

    table: Table
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.table.value}:{self.start}..{self.end - 1}"


@dataclass(frozen=True, slots=True)
class Request:
    """One read.

    Attributes:
        table: Which table.
        start: First address.
        count: Registers or bits.
        members: Which of the planner's addresses it brings, by position, ascending by register.
    """

    table: Table
    start: int
    count: int
    members: tuple[int, ...]

    @property
    def end(self) -> int:
        """First address behind the request."""
        return self.start + self.count

    def __str__(self) -> str:
        return f"{self.table.value}:{self.start}..{self.end - 1}"


def plan(addresses: Sequence[Address], limits: Limits, holes: Collection[Hole] = ()) -> tuple[Request, ...]:
    """The fewest requests that bring every address exactly once.

    A value that itself lies in a hole, or is wider than the limit, gets a request of its own.

    Args:
        addresses: In any order; equal and overlapping ones are fine.
        limits: Of the device.
        holes: Known so far.
    """
    requests: list[Request] = []
    for table in Table:
        members = [i for i, address in enumerate(addresses) if address.table is table]
        members.sort(key=lambda i: (addresses[i].register, addresses[i].end, i))
        table_holes = [hole for hole in holes if hole.table is table]
        waiting = deque(members)
        while waiting:
            requests.append(_fill(table, waiting, addresses, limits, table_holes))
    return tuple(requests)


def groups(intervals: Sequence[timedelta]) -> tuple[tuple[timedelta, tuple[int, ...]], ...]:
    """Which addresses are polled together: those of one interval. Each group is planned by itself.

    A slow value is not read along with a fast one although it would fit into its request: that would be another
    interval than the one that was asked for.

    Args:
        intervals: Of each address, above 0.

    Returns:
        Interval and positions, the shortest interval first, positions ascending; each position once.
    """
    shared: dict[timedelta, list[int]] = {}
    for i, interval in enumerate(intervals):
        shared.setdefault(interval, []).append(i)
    return tuple((interval, tuple(shared[interval])) for interval in sorted(shared))


def _fill(
    table: Table, waiting: deque[int], addresses: Sequence[Address], limits: Limits, holes: Sequence[Hole]
) -> Request:
    """Take the first value and everything after it that fits into the same request off `waiting`."""
    first = waiting.popleft()
    start, end = addresses[first].register, addresses[first].end
    members = [first]
    left: list[int] = []
    while waiting:
        address = addresses[waiting[0]]
        if address.register - end > limits.merge_gap or address.register >= start + limits.span(table):
            break
        candidate = waiting.popleft()
        new_end = max(end, address.end)
        if new_end - start > limits.span(table) or _touches(holes, start, new_end):
            left.append(candidate)  # a narrower one behind it may still fit
        else:
            members.append(candidate)
            end = new_end
    waiting.extendleft(reversed(left))
    return Request(table, start, end - start, tuple(members))


def _touches(holes: Sequence[Hole], start: int, end: int) -> bool:
    return any(start < hole.end and hole.start < end for hole in holes)


@dataclass(frozen=True, slots=True)
class Halves:
    """A request cut in two, and the addresses between the parts."""

    left: Request
    right: Request
    gap: Hole


def split(request: Request, addresses: Sequence[Address]) -> Halves | None:
    """Cut a request that the device refused at its widest gap; of equal ones, nearest to the middle.

    Returns:
        None where no cut is possible without splitting a value: one value, or values that overlap.
    """
    middle = (request.start + request.end) / 2
    best: tuple[int, float, int] | None = None
    end = request.start
    for i, member in enumerate(request.members):
        start = addresses[member].register
        rank = (start - end, -abs((start + end) / 2 - middle), i)
        if i > 0 and start >= end and (best is None or rank > best):
            best = rank
        end = max(end, addresses[member].end)
    if best is None:
        return None
    cut = best[2]
    left = _around(request.table, request.members[:cut], addresses)
    right = _around(request.table, request.members[cut:], addresses)
    return Halves(left, right, Hole(request.table, left.end, right.start))


def _around(table: Table, members: tuple[int, ...], addresses: Sequence[Address]) -> Request:
    start = addresses[members[0]].register
    end = max(addresses[member].end for member in members)
    return Request(table, start, end - start, members)
