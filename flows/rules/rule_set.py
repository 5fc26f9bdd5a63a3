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
    """

    rules: tuple[Rule, ...] = ()
    alarms: Mapping[str, AlarmSettings] = field(default_factory=dict)
