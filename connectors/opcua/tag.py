"""Where one tag comes from and how the server is asked to look at it. Units, ranges and reasons: README.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from connectors.opcua.address import NodeAddress
from connectors.opcua.path import BrowsePath, parse_address

Trigger = Literal["status", "status_value", "status_value_timestamp"]
Discard = Literal["oldest", "newest"]

MAX_INTERVAL = timedelta(days=1)
MIN_POLL = timedelta(milliseconds=10)
MIN_PUBLISHING, MAX_PUBLISHING = timedelta(milliseconds=10), timedelta(hours=1)
MIN_HEARTBEAT = timedelta(milliseconds=100)


@dataclass(frozen=True, slots=True)
class OpcUaTag:
    """Where one tag comes from.

    Attributes:
        asset: Name of the asset table.
        tag: Name of the tag in that table.
        node: "nsu=<namespace uri>;s=<identifier>" (or i=, g=, b=), or "path=/0:Objects/nsu=<uri>;<name>/...".
        sampling_interval: How often the server looks at the value; None = half its publishing interval.
        queue_size: Values the server keeps for us; None = enough for an outage of 30 s, at least 10.
        deadband: Changes up to this, in the unit of the value, are not told; None = every change is.
        deadband_percent: The same in percent of the node's EURange.
        trigger: What makes the server tell a value.
        discard: What a full queue lets go of.
        poll_interval: Read it this often instead of subscribing to it; None = as the link does.
        publishing_interval: How often the server sends what it has of it; None = as the link says.
        priority: Of its subscription among those of the server; None = as the link says.
        heartbeat: It speaks at least this often, or is told as silent; None = three polls, or never for a subscription.
    """

    asset: str
    tag: str
    node: str
    sampling_interval: timedelta | None = None
    queue_size: int | None = None
    deadband: float | None = None
    deadband_percent: float | None = None
    trigger: Trigger = "status_value"
    discard: Discard = "oldest"
    poll_interval: timedelta | None = None
    heartbeat: timedelta | None = None
    publishing_interval: timedelta | None = None
    priority: int | None = None

    def __post_init__(self) -> None:
        parse_address(self.node)
        if self.sampling_interval is not None and not timedelta(0) <= self.sampling_interval <= MAX_INTERVAL:
            self._refuse("sampling_interval", self.sampling_interval, "must be within 0 and 1 day")
        if self.queue_size is not None and not 1 <= self.queue_size <= 1_000_000:
            self._refuse("queue_size", self.queue_size, "must be within 1 and 1,000,000")
        for key, low, high in (
            ("poll_interval", MIN_POLL, MAX_INTERVAL),
            ("heartbeat", MIN_HEARTBEAT, MAX_INTERVAL),
            ("publishing_interval", MIN_PUBLISHING, MAX_PUBLISHING),
        ):
            value: timedelta | None = getattr(self, key)
            if value is not None and not low <= value <= high:
                self._refuse(key, value, f"must be within {low} and {high}")
        if self.priority is not None and not 0 <= self.priority <= 255:
            self._refuse("priority", self.priority, "must be within 0 and 255")
        if self.deadband is not None and not 0 < self.deadband < float("inf"):
            self._refuse("deadband", self.deadband, "must be above 0; leave it out to be told every change")
        if self.deadband_percent is not None and not 0 < self.deadband_percent <= 100:
            self._refuse("deadband_percent", self.deadband_percent, "must be above 0 and at most 100")
        if self.deadband is not None and self.deadband_percent is not None:
            self._refuse("deadband_percent", self.deadband_percent, "stands beside deadband; set one of them")
        if self.has_deadband and self.trigger == "status":
            self._refuse("trigger", self.trigger, "never tells a value by its change; leave out the deadband")

    def _refuse(self, key: str, value: object, rule: str) -> None:
        msg = f"{self.asset}/{self.tag}: {key} {value} {rule}"
        raise ValueError(msg)

    @property
    def has_deadband(self) -> bool:
        """Whether one of the two is set."""
        return self.deadband is not None or self.deadband_percent is not None

    @property
    def address(self) -> NodeAddress | BrowsePath:
        """The node, parsed."""
        return parse_address(self.node)
