"""The requests of a poll, and what the device has taught about them. No I/O, no clock: time is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.modbus.address import Address
from connectors.modbus.decode import Decoder, compile_decoder
from connectors.modbus.layout import target_of
from connectors.modbus.plan import Hole, Limits, Request, plan, split

FIRST_PROBE_NS = 10_000_000_000  # a device that is starting refuses what it soon will have
LAST_PROBE_NS = 600_000_000_000


@dataclass(frozen=True, slots=True)
class Block:
    """A request and how to read its reply.

    Attributes:
        request: What is asked.
        rows: Positions of its values among all addresses.
        target: The same, as a slice where they stand side by side.
        decoder: From the reply's data bytes to the values of `rows`.
    """

    request: Request
    rows: NDArray[np.intp]
    target: slice | NDArray[np.intp]
    decoder: Decoder


@dataclass(frozen=True, slots=True)
class Refusal:
    """A value that the device refuses even on its own. It is asked for again, ever less often.

    Attributes:
        status: Its status code meanwhile.
        due: Monotonic ns of the next probe.
        wait: ns between this probe and the one before.
        hole: Its addresses.
    """

    status: int
    due: int
    wait: int
    hole: Hole


class Blocks:
    """All blocks of one unit, kept to what is known of the device."""

    def __init__(self, addresses: Sequence[Address], limits: Limits) -> None:
        """Plan for a device of which nothing is known yet.

        Args:
            addresses: Their positions are the rows.
            limits: Of the device.
        """
        self._addresses = tuple(addresses)
        self._limits = limits
        self._gaps: set[Hole] = set()
        self._refusals: dict[int, Refusal] = {}
        self._stale = False
        self.all: tuple[Block, ...] = self._plan()

    def halves(self, block: Block) -> tuple[Block, Block, Hole] | None:
        """The two parts of a refused block and the gap between them; None where it cannot be parted."""
        halves = split(block.request, self._addresses)
        return None if halves is None else (self._block(halves.left), self._block(halves.right), halves.gap)

    def learn(self, gap: Hole) -> None:
        """Never again read through a gap. Call it once both sides of it are known to be readable without it."""
        self._gaps.add(gap)
        self._stale = True

    def refuse(self, block: Block, status: int, now: int) -> None:
        """Set aside a block that was refused and cannot be parted, until its next probe.

        Args:
            block: Of values that share registers; mostly of one value.
            status: What they report meanwhile.
            now: Monotonic ns.
        """
        request = block.request
        for member in request.members:
            before = self._refusals.get(member)
            wait = FIRST_PROBE_NS if before is None else min(2 * before.wait, LAST_PROBE_NS)
            hole = Hole(request.table, self._addresses[member].register, self._addresses[member].end)
            self._refusals[member] = Refusal(status, now + wait, wait, hole)
            self._stale |= before is None

    def refusal(self, block: Block) -> Refusal | None:
        """Why a block is set aside; None for all others. What is set aside stands in a block of its own."""
        return self._refusals.get(block.request.members[0])

    def accept(self, block: Block) -> None:
        """A block was read: whatever was held against it is forgotten."""
        if not self._refusals:
            return
        for member in block.request.members:
            self._stale |= self._refusals.pop(member, None) is not None

    def replan(self) -> bool:
        """Plan again if something was learnt since. True where `all` is new. Not during a poll: it would tear it."""
        if self._stale:
            self._stale = False
            self.all = self._plan()
            return True
        return False

    def _plan(self) -> tuple[Block, ...]:
        holes = self._gaps | {refusal.hole for refusal in self._refusals.values()}
        return tuple(self._block(request) for request in plan(self._addresses, self._limits, holes))

    def _block(self, request: Request) -> Block:
        members = [self._addresses[member] for member in request.members]
        rows = np.array(request.members, dtype=np.intp)
        return Block(request, rows, target_of(request.members), compile_decoder(request.start, members))
