"""The immediate rules of a configuration, by asset, and in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from edge_gateway.config.config import Config
from edge_gateway.config.units import duration_text
from flows.alarm_settings import AlarmSettings
from flows.rules import Deviation, Limit, RateOfChange, Rule, RuleSet, Silence, Stuck


def rule_sets(config: Config) -> dict[str, RuleSet]:
    """The rules of every asset that has some, in the order of the file."""
    rules: dict[str, list[Rule]] = {}
    alarms: dict[str, dict[str, AlarmSettings]] = {}
    for section in config.rules:
        for asset in section.assets:
            rules.setdefault(asset, []).extend(section.rules())
            alarms.setdefault(asset, {}).update(section.alarms())
    return {asset: RuleSet(tuple(found), alarms[asset]) for asset, found in rules.items()}


def in_words(rule: Rule, units: Mapping[str, str]) -> str:
    """When the condition holds, for people.

    Args:
        rule: Of one asset.
        units: Engineering units of the asset's tags, by name.
    """
    unit = f" {units[rule.tag]}" if units.get(rule.tag) else ""
    match rule:
        case Limit():
            side = "above" if rule.is_high else "below"
            until = f", until back by {rule.deadband:g}{unit}" if rule.deadband else ""
            return f"{rule.tag} {side} {rule.limit:g}{unit}{until}"
        case RateOfChange():
            sides = (("rises", rule.rise), ("falls", rule.fall))
            how = " or ".join(f"{verb} by more than {limit:g}{unit} a second" for verb, limit in sides if limit)
            return f"{rule.tag} {how}, over {_text(rule.over)}"
        case Stuck():
            about = f"{rule.tag} does not change" + (
                f" by more than {rule.tolerance:g}{unit}" if rule.tolerance else ""
            )
            return f"{about} for {_text(rule.unchanged_for)}"
        case Silence():
            return f"no good sample of {rule.tag} for {_text(rule.silent_for)}"
        case Deviation():
            return f"{rule.tag} and {rule.other} differ by more than {rule.tolerance:g}{unit}"


def _text(value: object) -> str:
    assert isinstance(value, timedelta)
    return duration_text(value)
