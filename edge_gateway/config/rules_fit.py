"""What rules must find in the rest of the file: assets, tags, alarms; and that no two alarms have one name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edge_gateway.config.problems import Problem, did_you_mean
from edge_gateway.config.rules import LIMITS
from flows.alarms.judge import ANOMALY, DATA_QUALITY

_OF_MODELS = (ANOMALY, DATA_QUALITY)


def rule_problems(rules: Sequence[Mapping[str, Any]], tags: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """On the raw data, so that they are told beside all others.

    Args:
        rules: Tables of [[rules]].
        tags: Tables of all tags of all links.
    """
    have: dict[str, list[str]] = {}
    for tag in tags:
        if {"asset", "tag"} <= tag.keys():
            have.setdefault(str(tag["asset"]), []).append(str(tag["tag"]))
    silenced: dict[str, dict[str, list[str]]] = {}  # by asset: which alarm is suppressed by which
    alarms: dict[str, dict[str, str]] = {}  # by asset: name of the alarm, and where it stands
    for where, rule in _numbered(rules):
        for asset in _texts(rule.get("assets")):
            yield from _missing(where, rule, asset, have)
            for name in _alarm_names(rule):
                first = alarms.setdefault(asset, {}).setdefault(name, where)
                if first != where:
                    rule_text = f"asset {asset} has an alarm {name} already, of {first}"
                    yield Problem(f"{where}.name", None, rule_text, "Give one of them another name.")
    for where, rule in _numbered(rules):
        for asset in _texts(rule.get("assets")):
            known = [*alarms.get(asset, {}), *_OF_MODELS]
            for name in _texts(rule.get("suppressed_by")):
                if name not in known:
                    text = f"asset {asset} has no such alarm"
                    yield Problem(
                        f"{where}.suppressed_by",
                        f'"{name}"',
                        text,
                        f"{did_you_mean(name, known)} It has: {', '.join(known)}.".strip(),
                    )
                elif name in _alarm_names(rule):
                    text = "an alarm cannot suppress itself"
                    yield Problem(f"{where}.suppressed_by", f'"{name}"', text, "Write it into a rule of its own.")
                elif _leads_to(name, _alarm_names(rule), silenced.setdefault(asset, {})):
                    text = f"asset {asset}: each would suppress the other, and neither would be told"
                    yield Problem(f"{where}.suppressed_by", f'"{name}"', text, "Leave out one of the two.")
                else:
                    for own in _alarm_names(rule):
                        silenced[asset].setdefault(own, []).append(name)


def _leads_to(name: str, targets: Sequence[str], silenced: Mapping[str, Sequence[str]]) -> bool:
    """Whether one of these alarms, directly or through others, suppresses `name`."""
    return any(one in targets or _leads_to(one, targets, silenced) for one in silenced.get(name, ()))


def _missing(where: str, rule: Mapping[str, Any], asset: str, have: Mapping[str, list[str]]) -> Iterator[Problem]:
    if asset not in have:
        fix = f"{did_you_mean(asset, have)} Assets with tags: {', '.join(sorted(have)) or 'none'}.".strip()
        yield Problem(f"{where}.assets", f'"{asset}"', "no link has a tag of this asset", fix)
        return
    for key in ("tag", "other_tag"):
        tag = rule.get(key)
        if isinstance(tag, str) and tag not in have[asset]:
            fix = f"{did_you_mean(tag, have[asset])} It has: {', '.join(have[asset])}.".strip()
            yield Problem(f"{where}.{key}", f'"{tag}"', f"asset {asset} has no such tag", fix)


def _alarm_names(rule: Mapping[str, Any]) -> list[str]:
    stem, kind = rule.get("name", rule.get("tag")), rule.get("kind")
    if kind == "limit":
        return [f"{stem}.{key.upper()}" for key in LIMITS if key in rule]
    return [f"{stem}.{kind}"]


def _numbered(rules: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, rule in enumerate(rules):
        name = rule.get("name") or rule.get("tag")
        yield f"rules[{number}]" + (f' "{name}"' if name else ""), rule


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
