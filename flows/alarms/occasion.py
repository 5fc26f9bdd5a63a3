"""On what occasion an alarm changed, and the opening that its transitions belong to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Occasion:
    """What made an alarm change: its condition, a person, another alarm, the calendar, or time.

    Attributes:
        at: Event time, ns.
        received_time: When what says so reached the gateway, ns since the epoch.
        by: Who asked for it; "" = nobody.
        comment: Of whoever asked.
        detail: One sentence for people.
    """

    at: int
    received_time: int
    by: str = ""
    comment: str = ""
    detail: str = ""


@dataclass(slots=True)
class Opening:
    """What an alarm was opened as. It is over when it was acknowledged and has cleared, or was reset.

    Attributes:
        at: Event time, ns; with asset and alarm it makes the id of the alert.
        severity: "warning" or "alarm".
        model: "name@version", "" where no model spoke.
        received: When what opened it reached the gateway, ns since the epoch; nobody can have seen it before.
        acknowledged: A person has taken note.
        cleared: Its condition has ended.
    """

    at: int
    severity: str
    model: str
    received: int = 0
    acknowledged: bool = False
    cleared: bool = False
