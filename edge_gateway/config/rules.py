"""Section of the immediate rules: limits, rate of change, stuck, silence, deviation, and how their alarms behave."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Literal

from pydantic import model_validator

from edge_gateway.config.section import NAME_FIX, Flag, Name, Number, Section, day, ms, option, s
from edge_gateway.config.units import Duration
from flows.alarm_settings import ALARM, WARNING, AlarmSettings
from flows.rules.rule import Deviation, Limit, RateOfChange, Rule, Silence, Stuck

LIMITS = ("hh", "h", "l", "ll")
_KEYS = {  # of each kind: those it cannot do without, and others
    "limit": ((), (*LIMITS, "deadband")),
    "rate": ((), ("rise", "fall", "over")),
    "stuck": (("unchanged_for",), ("tolerance",)),
    "silence": (("silent_for",), ()),
    "deviation": (("other_tag", "tolerance"), ("max_age",)),
}
_OWN = tuple(dict.fromkeys(key for needed, others in _KEYS.values() for key in (*needed, *others)))
_OVER, _MAX_AGE = timedelta(seconds=1), timedelta(seconds=10)


class RuleSection(Section):
    """One rule on one tag of some assets. A limit has an alarm for each of hh, h, l, ll; the others have one."""

    assets: tuple[Name, ...] = option(
        description="Assets that are watched; each has the tag.",
        fix="List assets that have the tag.",
        min_length=1,
        example=["pump-1"],
    )
    tag: Name = option(description="Tag that is watched.", fix=NAME_FIX, example="winding_temperature")
    kind: Literal["limit", "rate", "stuck", "silence", "deviation"] = option(
        description="limit: hh, h, l, ll, deadband. rate: rise, fall, over. stuck: unchanged_for, tolerance. "
        "silence: silent_for. deviation: other_tag, tolerance, max_age. See flows/README.md.",
        fix="Write one of these.",
        example="limit",
    )
    name: Name | None = option(
        None,
        description="First part of the names of its alarms, such as 'bearing' in 'bearing.HH'. Left out = the tag.",
        fix=NAME_FIX,
        example="winding",
    )
    hh: Number | None = option(
        None, description="Alarm name.HH above this, in the unit of the tag.", example=130.0, shown=True
    )
    h: Number | None = option(None, description="Alarm name.H above this.", example=115.0, shown=True)
    l: Number | None = option(None, description="Alarm name.L below this.", example=5.0)  # noqa: E741 - its name in the field
    ll: Number | None = option(None, description="Alarm name.LL below this.", example=-10.0)
    deadband: Number | None = option(
        None,
        description="A limit is left only when the value is back by this much, in the unit of the tag. Left out = 0.",
        fix="A little more than the noise of the signal.",
        ge=0,
        example=2.0,
        shown=True,
    )
    rise: Number | None = option(
        None, description="Alarm name.rate when rising faster, units a second.", fix="Above 0.", gt=0, example=0.5
    )
    fall: Number | None = option(
        None, description="Alarm name.rate when falling faster, units a second.", fix="Above 0.", gt=0, example=0.5
    )
    over: Duration | None = option(
        None,
        description="Least time over which a rate is taken. Left out = 1s. 1ms to 1d.",
        fix="Long enough that noise alone stays below rise * over.",
        ge=ms,
        le=day,
        example="5s",
    )
    unchanged_for: Duration | None = option(
        None,
        description="Alarm name.stuck when the value has not changed for so long, in event time. 1ms to 365d.",
        fix="Many sampling intervals; longer than the process ever stands still.",
        ge=ms,
        le=365 * day,
        example="30min",
    )
    tolerance: Number | None = option(
        None,
        description="In the unit of the tag. stuck: highest minus lowest that still is no change, left out = 0. "
        "deviation: alarm name.deviation when the two tags differ by more.",
        fix="At least 0; above 0 for a deviation.",
        ge=0,
        example=0.01,
    )
    silent_for: Duration | None = option(
        None,
        description="Alarm name.silence without a good sample for so long, in event time. 1ms to 365d.",
        fix="At least three poll or publishing intervals.",
        ge=ms,
        le=365 * day,
        example="30s",
    )
    other_tag: Name | None = option(
        None, description="Redundant tag of the same asset, in the same unit.", fix=NAME_FIX, example="flow_2"
    )
    max_age: Duration | None = option(
        None,
        description="Values of the two tags further apart in time are not compared. Left out = 10s. 1ms to 1d.",
        fix="A few sampling intervals of the slower one.",
        ge=ms,
        le=day,
        example="5s",
    )
    severity: Literal["warning", "alarm"] | None = option(
        None, description="Of its alarms. Left out = 'alarm' for hh and ll, 'warning' for all others.", example="alarm"
    )
    on_delay: Duration = option(
        0 * s,
        description="The condition holds so long, in event time, before the alarm opens. 0s to 1d.",
        fix="A little more than the disturbances that need nobody.",
        ge=timedelta(0),
        le=day,
    )
    off_delay: Duration = option(
        0 * s,
        description="The condition is over so long, in event time, before the alarm clears. 0s to 1d.",
        fix="A little more than the pauses of one disturbance.",
        ge=timedelta(0),
        le=day,
    )
    latch: Flag = option(default=False, description="The alarm stays until a person resets it.")
    suppressed_by: tuple[str, ...] = option(
        (), description="Alarms of the same asset; while one of them is active, these are not told.", example=["x.HH"]
    )

    @model_validator(mode="after")
    def _fit(self) -> RuleSection:
        if len(set(self.assets)) != len(self.assets):
            msg = "assets: one stands there twice; name each once"
            raise ValueError(msg)
        needed, others = _KEYS[self.kind]
        given = [key for key in _OWN if getattr(self, key) is not None]
        if strange := [key for key in given if key not in {*needed, *others}]:
            msg = f"{', '.join(strange)}: not of kind '{self.kind}', which knows {', '.join((*needed, *others))}"
            raise ValueError(msg)
        if missing := [key for key in needed if key not in given]:
            msg = f"kind '{self.kind}' needs {' and '.join(missing)}: add it"
            raise ValueError(msg)
        if self.kind == "limit":
            self._limits_fit()
        self.rules()
        self.alarms()
        return self

    def _limits_fit(self) -> None:
        given = [(key, getattr(self, key)) for key in LIMITS if getattr(self, key) is not None]
        if not given:
            msg = "kind 'limit' needs at least one of hh, h, l, ll: add it"
            raise ValueError(msg)
        for (upper, high), (lower, low) in pairwise(given):
            if not high > low:
                msg = f"{upper} = {high:g} must be above {lower} = {low:g}; hh > h > l > ll"
                raise ValueError(msg)
        highs = [(key, value) for key, value in given if key in {"hh", "h"}]
        lows = [(key, value) for key, value in given if key in {"l", "ll"}]
        deadband = self.deadband or 0.0
        if highs and lows and highs[-1][1] - deadband < lows[0][1] + deadband:
            (upper, high), (lower, low) = highs[-1], lows[0]
            msg = (
                f"deadband = {deadband:g}: no value would end both {upper} = {high:g} and {lower} = {low:g}; "
                f"write {(high - low) / 2:g} at most"
            )
            raise ValueError(msg)

    def rules(self) -> tuple[Rule, ...]:
        """As the flow wants them, of any of the assets."""
        tag, stem = self.tag, self.name or self.tag
        name = f"{stem}.{self.kind}"
        match self.kind:
            case "limit":
                limits = [(key.upper(), getattr(self, key)) for key in LIMITS if getattr(self, key) is not None]
                return tuple(Limit(tag, key, at, self.deadband or 0.0, f"{stem}.{key}") for key, at in limits)
            case "rate":
                return (RateOfChange(tag, self.rise, self.fall, _OVER if self.over is None else self.over, name),)
            case "stuck":
                assert self.unchanged_for is not None
                return (Stuck(tag, self.unchanged_for, self.tolerance or 0.0, name),)
            case "silence":
                assert self.silent_for is not None
                return (Silence(tag, self.silent_for, name),)
            case "deviation":
                assert self.other_tag is not None
                assert self.tolerance is not None
                age = _MAX_AGE if self.max_age is None else self.max_age
                return (Deviation(tag, self.other_tag, self.tolerance, age, name),)

    def alarms(self) -> dict[str, AlarmSettings]:
        """How the alarm of each of the rules behaves, by name."""
        return {
            rule.name: AlarmSettings(
                severity=self.severity or (ALARM if isinstance(rule, Limit) and rule.kind in {"HH", "LL"} else WARNING),
                on_delay=self.on_delay,
                off_delay=self.off_delay,
                latch=self.latch,
                suppressed_by=self.suppressed_by,
            )
            for rule in self.rules()
        }
