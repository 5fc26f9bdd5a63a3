"""Whether a model's scores of an asset, or the want of them, make a condition: two counters with hysteresis. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from flows.alarms.cause import NAN, Cause
from flows.alarms.memory import Memory
from flows.alarms.settings import AlertSettings
from flows.blocks import ScoredBlock
from flows.conditions import Change
from models.cold_start import NAME as COLD_START
from models.served import Verdict, Why

ANOMALY = "anomaly"
DATA_QUALITY = "data_quality"

_SAYS_NOTHING = (Why.WARMING_UP, Why.NOT_FED)  # as it should be: neither good nor bad news
_WHY = {
    Why.FAILED: "it failed, or took longer than it may",
    Why.OFF: "it is switched off, until another replaces it",
}
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
    """The two conditions of one model of an asset. A window without a score neither feeds nor calms "anomaly".

    Args:
        settings: Levels.
        name: Of the model; "" = it has the asset's plain alarms "anomaly" and "data_quality", else ".name" is added.
        anomaly: As it stands.
        quality: As it stands.
    """

    def __init__(
        self,
        settings: AlertSettings,
        name: str = "",
        anomaly: Streak | None = None,
        quality: Streak | None = None,
    ) -> None:
        self._settings = settings
        self._names = names_of(name)
        self._anomaly = anomaly or Streak()
        self._quality = quality or Streak()
        self._memory = Memory()

    def push(self, block: ScoredBlock, verdict: Verdict) -> list[Cause]:
        """Judge each window in order; hand back the changes. A model that warms up says nothing yet."""
        out: list[Cause] = []
        for row in range(len(block)):
            self._memory.see(block, verdict, row)
            if verdict.why[row] in _SAYS_NOTHING:
                continue
            score = float(verdict.score[row])
            abstained = score != score  # noqa: PLR0124 - NaN
            out += self._judge_quality(block, verdict, row, abstained=abstained)
            if not abstained:
                out += self._judge_score(block, verdict, row, score)
        return out

    def _judge_score(self, block: ScoredBlock, verdict: Verdict, row: int, score: float) -> list[Cause]:
        rule, settings = self._anomaly, self._settings
        if not rule.active:
            if score < settings.clear_below:
                self._memory.learn(block, verdict, row)
            if not rule.changes(toward=score > settings.open_above, needed=settings.open_after):
                return []
            severity = "alarm" if score >= settings.alarm_above else "warning"
            top = _largest(verdict.tags, verdict.contributions[row])
            detail = f"The score is {score:.2f} times its threshold; most of it comes from {_named(top)}."
            if verdict.name == COLD_START:
                detail += " There is no model yet: this is against its own recent past."
            return [self._began(block, verdict, row, ANOMALY, severity, top, detail)]
        if not rule.changes(toward=score < settings.clear_below, needed=settings.clear_after):
            return []
        detail = f"The score has come down to {score:.2f} times its threshold."
        return [self._ended(block, verdict.model, row, ANOMALY, score, detail)]

    def _judge_quality(self, block: ScoredBlock, verdict: Verdict, row: int, *, abstained: bool) -> list[Cause]:
        rule, needed = self._quality, self._settings.quality_after
        if rule.active:
            if not rule.changes(toward=not abstained, needed=needed):
                return []
            detail = f"The model {verdict.model} judges again."
            return [self._ended(block, verdict.model, row, DATA_QUALITY, NAN, detail)]
        if not rule.changes(toward=abstained, needed=needed):
            return []
        coverage = verdict.coverage[row].astype(np.float64)
        short = coverage < np.float32(verdict.min_coverage)
        lacking = _largest(verdict.tags, np.where(short, 1.0 - coverage, NAN))
        why = _WHY.get(Why(int(verdict.why[row])), "a feature of a tag it needs, or its own result, is no number")
        if lacking and verdict.why[row] == Why.QUALITY:
            why = f"too few good samples of {_named(lacking)}"
        detail = f"The model {verdict.model} does not judge: {why}."
        return [self._began(block, verdict, row, DATA_QUALITY, "warning", lacking, detail)]

    def _began(
        self,
        block: ScoredBlock,
        verdict: Verdict,
        row: int,
        kind: str,
        severity: str,
        top: tuple[tuple[str, float], ...],
        detail: str,
    ) -> Cause:
        blamed, points = tuple(tag for tag, _ in top), self._settings.evidence_points
        evidence = self._memory.evidence(block, verdict, row, blamed, points)
        score, limit = float(verdict.score[row]), _limit(kind)
        at, received = int(block.end[row]), block.decided_received
        change = Change(self._names[kind], True, at, received, score, limit, detail, evidence)  # noqa: FBT003 - read as it reads
        return Cause(change, severity, verdict.model, top)

    def give_up(self, block: ScoredBlock) -> list[Cause]:
        """The model is gone from the asset: what is active, from a time when there was one, ends."""
        detail = "There is no model for this asset any more."
        rules = ((self._anomaly, ANOMALY), (self._quality, DATA_QUALITY))
        out = [self._ended(block, "", 0, kind, NAN, detail) for rule, kind in rules if rule.active]
        self._anomaly, self._quality = Streak(), Streak()
        return out

    def _ended(self, block: ScoredBlock, model: str, row: int, kind: str, score: float, detail: str) -> Cause:
        at, received = int(block.end[row]), block.decided_received
        change = Change(self._names[kind], False, at, received, score, _limit(kind), detail)  # noqa: FBT003 - as above
        return Cause(change, "warning", model)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "anomaly": asdict(self._anomaly),
            "quality": asdict(self._quality),
            "memory": self._memory.to_json(),
        }

    @classmethod
    def from_json(cls, settings: AlertSettings, data: dict[str, Any], name: str = "") -> Judge:
        """Inverse of `to_json`; what is active stays so whatever the settings are now."""
        judge = cls(settings, name, Streak(**data["anomaly"]), Streak(**data["quality"]))
        judge._memory = Memory.from_json(data["memory"])
        return judge


def names_of(model: str) -> dict[str, str]:
    """Alarms of a model of this name, "" = the first of its asset."""
    return {kind: f"{kind}.{model}" if model else kind for kind in (ANOMALY, DATA_QUALITY)}


def _limit(kind: str) -> float:
    """Scores are in units of their threshold."""
    return 1.0 if kind == ANOMALY else NAN


def _largest(
    names: tuple[str, ...], shares: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> tuple[tuple[str, float], ...]:
    """The tags with the largest shares, at most five, without those that have none; ties in the model's order."""
    order = np.argsort(-shares, kind="stable")
    return tuple((names[i], float(shares[i])) for i in order[:_MOST_TAGS] if np.isfinite(shares[i]))


def _named(shares: tuple[tuple[str, float], ...]) -> str:
    names = [name for name, share in shares[:3] if share >= _WORTH_NAMING * shares[0][1]]
    return ", ".join(names) if names else "no single tag"
