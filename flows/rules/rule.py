"""What is watched: one frozen dataclass a kind. Each rule is one condition, under a name unique within its asset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flows.durations import duration, to_ns
from flows.rules.validation import above_nothing, at_least_nothing, finite, longer_than_nothing, take_name

KINDS = ("HH", "H", "L", "LL")


@dataclass(frozen=True, slots=True)
class Limit:
    """The value is beyond a limit.

    HH and H begin above `limit` and end at or below `limit - deadband`; LL and L begin below `limit` and end at or
    above `limit + deadband`. Other values change nothing.

    Attributes:
        tag: Name of the tag.
        kind: HH, H, L or LL.
        limit: In the unit of the tag.
        deadband: In the unit of the tag, at least 0.
        name: "" = tag and kind, such as "flow.HH".

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    tag: str
    kind: str
    limit: float
    deadband: float = 0.0
    name: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            msg = f"kind = {self.kind!r}: must be one of {', '.join(KINDS)}"
            raise ValueError(msg)
        finite(self, "limit")
        at_least_nothing(self, "deadband")
        take_name(self, self.kind)

    @property
    def is_high(self) -> bool:
        """HH or H."""
        return self.kind in {"HH", "H"}

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags that are judged."""
        return (self.tag,)


@dataclass(frozen=True, slots=True)
class RateOfChange:
    """The value changes too fast.

    The rate at a sample is its difference to the latest sample that is at least `over` older, over the time between
    them. The condition holds while the rate is above `rise` or below `-fall`. Without such a sample nothing is judged.

    Attributes:
        tag: Name of the tag.
        rise: Units a second, above 0; None = rising is never too fast.
        fall: Units a second, above 0; None = falling is never too fast.
        over: Least time over which it is taken: noise of less than `rise * over` cannot raise it.
        name: "" = tag and kind, such as "flow.rate".

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    tag: str
    rise: float | None = None
    fall: float | None = None
    over: str | timedelta = timedelta(seconds=1)
    name: str = ""

    def __post_init__(self) -> None:
        if self.rise is None and self.fall is None:
            msg = "rise, fall: neither is given; give units a second for one of them, or for both"
            raise ValueError(msg)
        for side in ("rise", "fall"):
            if getattr(self, side) is not None:
                above_nothing(self, side)
        longer_than_nothing(self, "over")
        take_name(self, "rate")

    @property
    def over_ns(self) -> int:
        """`over` in ns."""
        return to_ns(duration(self.over))

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags that are judged."""
        return (self.tag,)


@dataclass(frozen=True, slots=True)
class Stuck:
    """The value has not changed for too long.

    The condition holds when event time is `unchanged_for` or more past the first of the latest samples that all lie
    within `tolerance` of each other; it ends with the sample that does not any more. No sample is no change.

    Attributes:
        tag: Name of the tag.
        unchanged_for: Event time.
        tolerance: In the unit of the tag: highest minus lowest that still counts as no change.
        name: "" = tag and kind, such as "flow.stuck".

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    tag: str
    unchanged_for: str | timedelta
    tolerance: float = 0.0
    name: str = ""

    def __post_init__(self) -> None:
        longer_than_nothing(self, "unchanged_for")
        at_least_nothing(self, "tolerance")
        take_name(self, "stuck")

    @property
    def unchanged_for_ns(self) -> int:
        """`unchanged_for` in ns."""
        return to_ns(duration(self.unchanged_for))

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags that are judged."""
        return (self.tag,)


@dataclass(frozen=True, slots=True)
class Silence:
    """No good sample for too long, while event time went on. A tag that never spoke is silent since the first event.

    Attributes:
        tag: Name of the tag.
        silent_for: Event time. A few times the interval at which the tag surely speaks.
        name: "" = tag and kind, such as "flow.silence".

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    tag: str
    silent_for: str | timedelta
    name: str = ""

    def __post_init__(self) -> None:
        longer_than_nothing(self, "silent_for")
        take_name(self, "silence")

    @property
    def silent_for_ns(self) -> int:
        """`silent_for` in ns."""
        return to_ns(duration(self.silent_for))

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags that are judged."""
        return (self.tag,)


@dataclass(frozen=True, slots=True)
class Deviation:
    """Two redundant tags disagree.

    Judged with every good sample of either, against the latest good one of the other, if their source times are at
    most `max_age` apart: the condition holds while they differ by more than `tolerance`. For three sensors write three.

    Attributes:
        tag: Name of the tag.
        other: Name of the redundant tag, in the same unit.
        tolerance: In that unit, above 0.
        max_age: A few times the slower sampling interval.
        name: "" = tag and kind, such as "flow.deviation".

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    tag: str
    other: str
    tolerance: float
    max_age: str | timedelta = timedelta(seconds=10)
    name: str = ""

    def __post_init__(self) -> None:
        if self.other == self.tag:
            msg = f"other = {self.other!r}: a tag cannot differ from itself; name the redundant tag"
            raise ValueError(msg)
        above_nothing(self, "tolerance")
        longer_than_nothing(self, "max_age")
        take_name(self, "deviation")

    @property
    def max_age_ns(self) -> int:
        """`max_age` in ns."""
        return to_ns(duration(self.max_age))

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags that are judged."""
        return (self.tag, self.other)


Rule = Limit | RateOfChange | Stuck | Silence | Deviation
