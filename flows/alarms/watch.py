"""What the alarms ask of immediate rules, whichever they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from connectors.samples import SampleBatch
from flows.alarm_settings import AlarmSettings
from flows.conditions import Change


class Watch(Protocol):
    """The running rules of one asset."""

    def push(self, block: SampleBatch, latest_ns: int) -> list[Change]:
        """Judge a block, whatever its origin and its times; those after `latest_ns` are not believed."""
        ...

    def restart_time(self) -> None:
        """A clock was set for good: what holds still holds, all that counts time begins anew."""
        ...

    def pass_time(self, now_ns: int, received_ns: int) -> list[Change]:
        """Nothing older than `now_ns` will come."""
        ...

    def snapshot(self) -> bytes:
        """The state."""
        ...


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched on one asset.

    Attributes:
        alarms: Settings by name of the alarm.
        tags: The tag that an alarm concerns, by its name.
        start: Makes the running rules, from what `Watch.snapshot` gave, b"" = anew.
        of: What it is made from: two that are equal watch the same. Left out: like no other.
    """

    alarms: Mapping[str, AlarmSettings]
    tags: Mapping[str, str]
    start: Callable[[bytes], Watch]
    of: object = field(default_factory=object)


def no_rules(asset: str) -> Watched | None:  # noqa: ARG001 - of any
    """No asset has immediate rules."""
    return None
