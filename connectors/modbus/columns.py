"""What one poll brought, as columns. Pure: time is an argument."""

from __future__ import annotations

import numpy as np

from connectors import status
from connectors.errors import DeviceException, LinkDown, ModbusError, NoReply
from connectors.modbus.blocks import Block
from connectors.modbus.master import Reply
from connectors.modbus.outcome import UNIT_AWAY, status_of


class Columns:
    """What a poll brought: one row per address. Rows that were not filled are bad for want of a link."""

    def __init__(self, rows: int, anchor: int, now: int) -> None:
        """Begin a poll.

        Args:
            rows: Number of addresses.
            anchor: Wall clock minus monotonic clock, ns. Taken once, so that a step of the wall clock cannot tear
                the poll.
            now: Monotonic ns.
        """
        self.value = np.full(rows, np.nan)
        self.status = np.full(rows, status.BAD_NO_COMMUNICATION, dtype=np.uint32)
        self.source_time = np.full(rows, anchor + now, dtype=np.int64)
        self.received_time = anchor + now  # wall ns, of the end of the poll
        self.first_reply: int | None = None  # source time, wall ns; exceptions are replies too
        self.last_reply: int | None = None
        self.heard_before: int | None = None  # `last_reply` when the link failed
        self._link_down: LinkDown | None = None
        self._no_reply: NoReply | DeviceException | None = None
        self._anchor = anchor

    def put(self, block: Block, reply: Reply) -> None:
        """Values as read, judged by the rules of their addresses."""
        target = block.target
        self.value[target], self.status[target] = block.decoder.decode_with_status(reply.payload)
        self.source_time[target] = self._heard(reply.sent, reply.received)

    def fail(self, block: Block, error: ModbusError | LinkDown, begun: int, ended: int) -> None:
        """No values, and why. Monotonic ns."""
        if isinstance(error, DeviceException) and error.code not in UNIT_AWAY:
            self._heard(begun, ended)
        elif isinstance(error, LinkDown) and self._link_down is None:
            self._link_down, self.heard_before = error, self.last_reply
        elif isinstance(error, NoReply | DeviceException):
            self._no_reply = error
        self.set_aside(block, status_of(error), (begun + ended) // 2)

    def set_aside(self, block: Block, code: int, at: int) -> None:
        """No values by a verdict of earlier polls. Monotonic ns."""
        self.status[block.target] = code
        self.source_time[block.target] = self._anchor + at

    @property
    def outage(self) -> LinkDown | NoReply | DeviceException | None:
        """Why the device could not be heard: no link for some request, or no reply to any. None where it could."""
        return self._link_down or (self._no_reply if self.first_reply is None else None)

    def end(self, now: int) -> None:
        """The poll is over. Monotonic ns."""
        self.received_time = self._anchor + now

    def _heard(self, sent: int, received: int) -> int:
        """Half-way between request and response, where the device took the values: wrong by half the round trip."""
        source_time = self._anchor + (sent + received) // 2
        self.last_reply = source_time
        if self.first_reply is None:
            self.first_reply = source_time
        return source_time
