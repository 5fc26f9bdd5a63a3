"""Immediate rules as the alarms ask for them."""

from __future__ import annotations

from connectors.tags import TagTable
from flows.alarms.watch import Watch, Watched
from flows.rules import RuleSet, RuleState


def watched(asset: str, rules: RuleSet, allowed_skew_ns: int) -> Watched | None:
    """What the rules of an asset watch; None where it has none, so that it costs nothing.

    Args:
        asset: Its name.
        rules: As configured.
        allowed_skew_ns: A sample stamped further ahead of its reception is not judged.
    """
    if not rules.rules:
        return None
    unknown = TagTable(asset, ())  # until the first block tells

    def start(kept: bytes) -> Watch:
        if kept:
            return RuleState.restore(kept, rules.rules, unknown, allowed_skew_ns=allowed_skew_ns)
        return RuleState(rules.rules, unknown, allowed_skew_ns=allowed_skew_ns)

    return Watched(rules.alarms, {rule.name: rule.tag for rule in rules.rules}, start, rules)
