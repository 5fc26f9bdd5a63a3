"""The condition behind an alarm: true or not, and since when. Rules and scores make these, alarms are made of them."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_sink.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Change:
    """A condition began or ended. One object per change, never per sample.

    Attributes:
        alarm: Name of the alarm it belongs to, unique within the asset.
        active: It began (True) or ended.
        at: Event time, ns, of the sample or window that decided it.
        received_time: When that reached the gateway, ns since the epoch.
        value: Of the deciding sample or window; NaN where there is none.
        limit: What it passed, in the unit of the value; NaN where there is none.
        detail: One sentence for people.
        evidence: What to look at; None where it ended, or there is nothing.
    """

    alarm: str
    active: bool
    at: int
    received_time: int
    value: float
    limit: float
    detail: str = ""
    evidence: Evidence | None = None
