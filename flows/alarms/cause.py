"""Why an alarm opened or ended: the change of its condition, and what only a model can add."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cloud_sink.evidence import Evidence
from flows.conditions import Change

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Cause:
    """A change of a condition as an alert will tell it.

    Attributes:
        change: What happened.
        severity: Of an opening on it.
        model: "name@version", "" where no model spoke.
        contributions: (tag, share 0..1), largest first.
    """

    change: Change
    severity: str
    model: str = ""
    contributions: tuple[tuple[str, float], ...] = ()

    def without_evidence(self) -> Cause:
        """Told once, it need not be kept."""
        return self if self.change.evidence is None else replace(self, change=replace(self.change, evidence=None))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        change = self.change
        return {
            "alarm": change.alarm,
            "active": change.active,
            "at": change.at,
            "received": change.received_time,
            "value": _plain(change.value),
            "limit": _plain(change.limit),
            "detail": change.detail,
            "evidence": change.evidence and change.evidence.to_json(),
            "severity": self.severity,
            "model": self.model,
            "contributions": self.contributions,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Cause:
        """Inverse of `to_json`."""
        change = Change(
            data["alarm"],
            data["active"],
            data["at"],
            data["received"],
            float(data["value"]),
            float(data["limit"]),
            data["detail"],
            data["evidence"] and Evidence.from_json(data["evidence"]),
        )
        shares = tuple((tag, share) for tag, share in data["contributions"])
        return cls(change, data["severity"], data["model"], shares)


def _plain(value: float) -> float | str:
    """JSON has neither NaN nor infinities; `float` reads their names."""
    return value if abs(value) < float("inf") else str(value)
