"""Whether an asset's scores, or the want of them, make a condition: two counters with hysteresis. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from flows.alarms.cause import NAN, Cause
from flows.alarms.memory import Memory
from flows.alarms.settings import AlertSettings
from flows.blocks import ScoredBlock
from flows.conditions import Change

ANOMALY = "anomaly"
DATA_QUALITY = "data_quality"

_MOST_TAGS = 5
_WORTH_NAMING = 0.1  # of the largest share: what has less is not what it comes from


@dataclass(slots=True)
class Streak:
    """How many windows in a row spoke for a change, and how it stands.

    Attributes:
        count: Of the windows.
        active: The condition.
    """

    count: int = 0
    active: bool = False

    def changes(self, *, toward: bool, needed: int) -> bool:
        """Count one window; True when it is the one that decides."""
        self.count = self.count + 1 if toward else 0
        if self.count < needed:
            return False
        self.count = 0
        self.active = not self.active
        return True


class Judge:
    """The two conditions of one asset. A window on which the model abstained neither feeds nor calms "anomaly"."""

    def __init__(self, settings: AlertSettings, anomaly: Streak | None = None, quality: Streak | None = None) -> None:
        self._settings = settings
        self._anomaly = anomaly or Streak()
        self._quality = quality or Streak()
        self._memory = Memory()

    def push(self, block: ScoredBlock) -> list[Cause]:
        """Judge each window in order; hand back the changes. Partial windows say nothing.

        Nor do those that were filled from a history: an alarm is about now, and windows in a row are counted. Nor do
        assets without a model; what is active there, from a time when there was one, ends.
        """
        if block.partial or block.backfilled:
            return []
        if not block.model:
            return self._give_up(block)
        out: list[Cause] = []
        for row in range(len(block)):
            self._memory.see(block, row)
            score = float(block.score[row])
            abstained = score != score  # noqa: PLR0124 - NaN
            out += self._judge_quality(block, row, abstained=abstained)
            if not abstained:
                out += self._judge_score(block, row, score)
        return out

    def _judge_score(self, block: ScoredBlock, row: int, score: float) -> list[Cause]:
        rule, settings = self._anomaly, self._settings
        if not rule.active:
            if score < settings.clear_below:
                self._memory.learn(block, row)
            if not rule.changes(toward=score > settings.open_above, needed=settings.open_after):
                return []
            severity = "alarm" if score >= settings.alarm_above else "warning"
            top = _largest(block.model_tags, block.contributions[row])
            detail = f"The score is {score:.2f} times its threshold; most of it comes from {_named(top)}."
            return [self._began(block, row, ANOMALY, severity, score, top, detail)]
        if not rule.changes(toward=score < settings.clear_below, needed=settings.clear_after):
            return []
        return [_ended(block, row, ANOMALY, score, f"The score has come down to {score:.2f} times its threshold.")]

    def _judge_quality(self, block: ScoredBlock, row: int, *, abstained: bool) -> list[Cause]:
        rule, needed = self._quality, self._settings.quality_after
        if rule.active:
            if not rule.changes(toward=not abstained, needed=needed):
                return []
            return [_ended(block, row, DATA_QUALITY, NAN, f"The model {block.model} judges again.")]
        if not rule.changes(toward=abstained, needed=needed):
            return []
        coverage = block.model_coverage[row].astype(np.float64)
        short = coverage < np.float32(block.min_coverage)
        lacking = _largest(block.model_tags, np.where(short, 1.0 - coverage, NAN))
        if lacking:
            why = f"too few good samples of {_named(lacking)}"
        else:
            why = "a feature of a tag it needs, or its own result, is no number"
        detail = f"The model {block.model} does not judge: {why}."
        return [self._began(block, row, DATA_QUALITY, "warning", NAN, lacking, detail)]

    def _began(
        self,
        block: ScoredBlock,
        row: int,
        name: str,
        severity: str,
        score: float,
        top: tuple[tuple[str, float], ...],
        detail: str,
    ) -> Cause:
        evidence = self._memory.evidence(block, row, tuple(tag for tag, _ in top), self._settings.evidence_points)
        limit = 1.0 if name == ANOMALY else NAN  # scores are in units of their threshold
        change = Change(name, True, int(block.end[row]), block.decided_received, score, limit, detail, evidence)  # noqa: FBT003 - read as it reads
        return Cause(change, severity, block.model, top)

    def _give_up(self, block: ScoredBlock) -> list[Cause]:
        detail = "There is no model for this asset any more."
        rules = ((self._anomaly, ANOMALY), (self._quality, DATA_QUALITY))
        out = [_ended(block, 0, name, NAN, detail) for rule, name in rules if rule.active]
        self._anomaly, self._quality = Streak(), Streak()
        return out

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "anomaly": asdict(self._anomaly),
            "quality": asdict(self._quality),
            "memory": self._memory.to_json(),
        }

    @classmethod
    def from_json(cls, settings: AlertSettings, data: dict[str, Any]) -> Judge:
        """Inverse of `to_json`; what is active stays so whatever the settings are now."""
        judge = cls(settings, Streak(**data["anomaly"]), Streak(**data["quality"]))
        judge._memory = Memory.from_json(data["memory"])
        return judge


def _ended(block: ScoredBlock, row: int, name: str, score: float, detail: str) -> Cause:
    limit = 1.0 if name == ANOMALY else NAN
    change = Change(name, False, int(block.end[row]), block.decided_received, score, limit, detail)  # noqa: FBT003 - as above
    return Cause(change, "warning", block.model)


def _largest(
    names: tuple[str, ...], shares: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> tuple[tuple[str, float], ...]:
    """The tags with the largest shares, at most five, without those that have none; ties in the model's order."""
    order = np.argsort(-shares, kind="stable")
    return tuple((names[i], float(shares[i])) for i in order[:_MOST_TAGS] if np.isfinite(shares[i]))


def _named(shares: tuple[tuple[str, float], ...]) -> str:
    names = [name for name, share in shares[:3] if share >= _WORTH_NAMING * shares[0][1]]
    return ", ".join(names) if names else "no single tag"
