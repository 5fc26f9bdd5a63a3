"""What is watched on one asset, and how the alarms behave that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.alarm_settings import AlarmSettings
from flows.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one asset.

    Attributes:
        rules: Names unique.
        alarms: Settings by name of the rule, one for each.

    Raises:
        ValueError: Two rules share a name, or settings are missing or stand for no rule.
    """

    rules: tuple[Rule, ...] = ()
    alarms: Mapping[str, AlarmSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        if len(set(names)) != len(names):
            msg = f"rules = {names}: each name must stand once; give one of them a name of its own"
            raise ValueError(msg)
        if set(names) != self.alarms.keys():
            msg = f"alarms = {sorted(self.alarms)}: must name the rules, {sorted(names)}; give settings to each of them"
            raise ValueError(msg)
