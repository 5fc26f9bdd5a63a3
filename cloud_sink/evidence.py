"""What an alarm was decided on, small enough to be sent: features, scores of the last windows, a curve to look at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Trace:
    """A down-sampled stretch of one tag: spikes are kept, evenness is not.

    Attributes:
        tag: Name.
        unit: Engineering unit of the values, "" where there is none.
        points: (ms since `Evidence.start`, value) in order of time, good samples only: finite.
    """

    tag: str
    unit: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class FeatureShare:
    """One feature that contributed.

    Attributes:
        tag: Name.
        feature: Name.
        value: Of the deciding window.
        share: 0..1 of the score; NaN where the model tells shares by tag only.
    """

    tag: str
    feature: str
    value: float
    share: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one alarm that opened.

    Attributes:
        start: Event time, ns, of the deciding window or of the stretch shown.
        end: Exclusive.
        features: Largest share first.
        scores: (event time of a window's end in ns, its score), the last one deciding; empty for immediate rules.
        traces: Contributing tags, largest first.
    """

    start: int
    end: int
    features: tuple[FeatureShare, ...] = ()
    scores: tuple[tuple[int, float], ...] = ()
    traces: tuple[Trace, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values; NaN and infinities as None, since JSON has none (RFC 8259, 6)."""
        return {
            "start": self.start,
            "end": self.end,
            "features": [[f.tag, f.feature, _plain(f.value), _plain(f.share)] for f in self.features],
            "scores": [[end, _plain(score)] for end, score in self.scores],
            "traces": [{"tag": t.tag, "unit": t.unit, "points": _plain_points(t.points)} for t in self.traces],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """Inverse of `to_json`."""
        return cls(
            data["start"],
            data["end"],
            tuple(
                FeatureShare(tag, name, _number(value), _number(share)) for tag, name, value, share in data["features"]
            ),
            tuple((end, _number(score)) for end, score in data["scores"]),
            tuple(
                Trace(trace["tag"], trace["unit"], tuple((at, _number(value)) for at, value in trace["points"]))
                for trace in data["traces"]
            ),
        )


def _plain_points(points: tuple[tuple[float, float], ...]) -> Sequence[Sequence[float | None]]:
    """Nearly all of an alert: copied point by point only where one of them is no number."""
    if math.isfinite(sum(value for _, value in points)):
        return points
    return [[at, _plain(value)] for at, value in points]


def _plain(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
