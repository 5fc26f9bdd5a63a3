"""How the alarm of a condition behaves: what it is called for, and how long it hesitates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flows.durations import to_ns

WARNING, ALARM = "warning", "alarm"
SEVERITIES = (WARNING, ALARM)
_NONE = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSettings:
    """Of one alarm of one asset.

    Attributes:
        severity: "warning" or "alarm".
        on_delay: The condition has to hold so long, in event time, before the alarm opens; 0 = at once.
        off_delay: The condition has to be over so long, in event time, before the alarm clears; 0 = at once.
        latch: It stays, although the condition is over, until a person resets it.
        suppressed_by: Names of alarms of the same asset; while one of them is active, this one is not told.

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    severity: str = WARNING
    on_delay: timedelta = _NONE
    off_delay: timedelta = _NONE
    latch: bool = False
    suppressed_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            msg = f"severity = {self.severity!r}: must be one of {', '.join(SEVERITIES)}"
            raise ValueError(msg)
        for name in ("on_delay", "off_delay"):
            if getattr(self, name) < _NONE:
                msg = f'{name} = {getattr(self, name)}: must not be negative; "0s" is the least'
                raise ValueError(msg)
        if len(set(self.suppressed_by)) != len(self.suppressed_by):
            msg = f"suppressed_by = {list(self.suppressed_by)}: names an alarm twice; name each once"
            raise ValueError(msg)

    @property
    def on_delay_ns(self) -> int:
        """`on_delay` in ns."""
        return to_ns(self.on_delay)

    @property
    def off_delay_ns(self) -> int:
        """`off_delay` in ns."""
        return to_ns(self.off_delay)
