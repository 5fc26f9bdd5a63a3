"""When an alert opens and when it clears: two counters with hysteresis per asset. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

import numpy as np

from cloud_sink.records import Alert
from flows.blocks import ScoredBlock
from flows.errors import StateError

ANOMALY = "anomaly"
DATA_QUALITY = "data_quality"

_VERSION = 1
_NAN = float("nan")
_MOST_TAGS = 5


@dataclass(frozen=True, kw_only=True)
class AlertSettings:
    """When to tell people. Scores are in units of the model's threshold; counts are consecutive windows.

    Attributes:
        open_above: "anomaly" opens when the score is above this ...
        open_after: ... for so many windows (on-delay).
        clear_below: It clears when the score is below this (hysteresis) ...
        clear_after: ... for so many windows (off-delay).
        alarm_above: It opens as "alarm" instead of "warning" when the deciding score is at least this.
        quality_after: "data_quality" opens when the model abstained for so many windows, and clears when it judged
            for as many.

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    open_above: float = 1.0
    open_after: int = 2
    clear_below: float = 0.8
    clear_after: int = 3
    alarm_above: float = 2.0
    quality_after: int = 2

    def __post_init__(self) -> None:
        for name in ("open_after", "clear_after", "quality_after"):
            if getattr(self, name) < 1:
                msg = f"{name} = {getattr(self, name)}: at least 1 window has to decide; write 1 to act on the first"
                raise ValueError(msg)
        if not 0 < self.clear_below <= self.open_above:
            msg = (
                f"clear_below = {self.clear_below}: must be above 0 and at most open_above = {self.open_above}, "
                "or an alert would open and clear on one score"
            )
            raise ValueError(msg)
        if not self.alarm_above >= self.open_above:
            msg = f"alarm_above = {self.alarm_above}: must be at least open_above = {self.open_above}"
            raise ValueError(msg)


@dataclass(slots=True)
class _Rule:
    """One rule of one asset: how many windows in a row spoke for a change, and what is open."""

    streak: int = 0
    opened_at: int | None = None
    severity: str = ""

    def changes(self, *, toward: bool, needed: int) -> bool:
        """Count one window; True when it is the one that decides."""
        self.streak = self.streak + 1 if toward else 0
        if self.streak < needed:
            return False
        self.streak = 0
        return True


@dataclass(slots=True)
class AlertState:
    """The alerts of one asset. A window on which the model abstained neither feeds nor calms "anomaly"."""

    settings: AlertSettings
    anomaly: _Rule = field(default_factory=_Rule)
    quality: _Rule = field(default_factory=_Rule)

    def push(self, block: ScoredBlock) -> list[Alert]:
        """Judge each window in order; hand back the changes. Partial windows say nothing.

        Nor do those that were filled from a history: an alert is about now, and windows in a row are counted. Nor do
        assets without a model; what is open there, from a time when there was one, is cleared.
        """
        if block.partial or block.backfilled:
            return []
        if not block.model:
            return self._give_up(block)
        out: list[Alert] = []
        for row in range(len(block)):
            score = float(block.score[row])
            abstained = score != score  # noqa: PLR0124 - NaN
            out += self._judge_quality(block, row, abstained=abstained)
            if not abstained:
                out += self._judge_score(block, row, score)
        return out

    def _judge_score(self, block: ScoredBlock, row: int, score: float) -> list[Alert]:
        rule, settings = self.anomaly, self.settings
        if rule.opened_at is None:
            if not rule.changes(toward=score > settings.open_above, needed=settings.open_after):
                return []
            severity = "alarm" if score >= settings.alarm_above else "warning"
            top = _largest(block.model_tags, block.contributions[row])
            detail = f"The score is {score:.2f} times its threshold; most of it comes from {_named(top)}."
            return [_opened(rule, block, row, ANOMALY, severity, score, top, detail)]
        if not rule.changes(toward=score < settings.clear_below, needed=settings.clear_after):
            return []
        detail = f"The score has come down to {score:.2f} times its threshold."
        return [_cleared(rule, block, row, ANOMALY, score, detail)]

    def _judge_quality(self, block: ScoredBlock, row: int, *, abstained: bool) -> list[Alert]:
        rule, needed = self.quality, self.settings.quality_after
        if rule.opened_at is None:
            if not rule.changes(toward=abstained, needed=needed):
                return []
            coverage = block.model_coverage[row].astype(np.float64)
            short = coverage < np.float32(block.min_coverage)
            lacking = _largest(block.model_tags, np.where(short, 1.0 - coverage, _NAN))
            if lacking:
                why = f"too few good samples of {_named(lacking)}"
            else:
                why = "a feature of a tag it needs, or its own result, is no number"
            detail = f"The model {block.model} does not judge: {why}."
            return [_opened(rule, block, row, DATA_QUALITY, "warning", _NAN, lacking, detail)]
        if not rule.changes(toward=not abstained, needed=needed):
            return []
        return [_cleared(rule, block, row, DATA_QUALITY, _NAN, f"The model {block.model} judges again.")]

    def _give_up(self, block: ScoredBlock) -> list[Alert]:
        detail = "There is no model for this asset any more."
        rules = ((self.anomaly, ANOMALY), (self.quality, DATA_QUALITY))
        out = [_cleared(rule, block, 0, name, _NAN, detail) for rule, name in rules if rule.opened_at is not None]
        self.anomaly, self.quality = _Rule(), _Rule()
        return out

    def snapshot(self) -> bytes:
        """A few dozen bytes of JSON."""
        rules = {"anomaly": asdict(self.anomaly), "quality": asdict(self.quality)}
        return json.dumps({"v": _VERSION, **rules}).encode()

    @classmethod
    def restore(cls, data: bytes, settings: AlertSettings) -> AlertState:
        """Inverse of `snapshot`; open alerts stay open whatever the settings are now.

        Raises:
            StateError: Another format, or damaged.
        """
        try:
            state = json.loads(data)
            if state["v"] != _VERSION:
                raise StateError("alert", f"version {state['v']} where {_VERSION} is read")
            return cls(settings, _Rule(**state["anomaly"]), _Rule(**state["quality"]))
        except (ValueError, TypeError, KeyError) as error:
            raise StateError("alert", f"damaged ({error})") from error


def _opened(
    rule: _Rule,
    block: ScoredBlock,
    row: int,
    name: str,
    severity: str,
    score: float,
    contributions: tuple[tuple[str, float], ...],
    detail: str,
) -> Alert:
    rule.opened_at, rule.severity = int(block.end[row]), severity
    return _alert(rule, block, row, name, "opened", score, contributions, detail)


def _cleared(rule: _Rule, block: ScoredBlock, row: int, name: str, score: float, detail: str) -> Alert:
    alert = _alert(rule, block, row, name, "cleared", score, (), detail)
    rule.opened_at, rule.severity = None, ""
    return alert


def _alert(
    rule: _Rule,
    block: ScoredBlock,
    row: int,
    name: str,
    state: str,
    score: float,
    contributions: tuple[tuple[str, float], ...],
    detail: str,
) -> Alert:
    at = int(block.end[row])
    return Alert(
        asset=block.asset,
        rule=name,
        state=state,
        severity=rule.severity,
        score=score,
        threshold=1.0 if name == ANOMALY else _NAN,
        model=block.model,
        opened_at=at if rule.opened_at is None else rule.opened_at,
        at=at,
        received_time=block.decided_received,
        contributions=contributions,
        detail=detail,
    )


def _largest(
    names: tuple[str, ...], shares: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> tuple[tuple[str, float], ...]:
    """The tags with the largest shares, at most five, without those that have none; ties in the model's order."""
    order = np.argsort(-shares, kind="stable")
    return tuple((names[i], float(shares[i])) for i in order[:_MOST_TAGS] if np.isfinite(shares[i]))


def _named(shares: tuple[tuple[str, float], ...]) -> str:
    names = [name for name, _ in shares[:3]]
    return ", ".join(names) if names else "no single tag"
