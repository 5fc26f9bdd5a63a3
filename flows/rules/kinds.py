"""From a rule to what runs it."""

from __future__ import annotations

from flows.rules.deviations import DeviationWatcher
from flows.rules.limits import LimitWatcher
from flows.rules.rates import RateWatcher
from flows.rules.rule import Deviation, Limit, RateOfChange, Rule, Stuck
from flows.rules.silence import SilenceWatcher
from flows.rules.stuck import StuckWatcher
from flows.rules.watcher import Watcher


def watcher_of(rule: Rule) -> Watcher:
    """Fresh: nothing holds."""
    match rule:
        case Limit():
            return LimitWatcher(rule)
        case RateOfChange():
            return RateWatcher(rule)
        case Stuck():
            return StuckWatcher(rule)
        case Deviation():
            return DeviationWatcher(rule)
        case _:
            return SilenceWatcher(rule)


def kind_of(rule: Rule) -> str:
    """A word that snapshots know it by; never rename one."""
    match rule:
        case Limit(kind=kind):
            return kind
        case RateOfChange():
            return "rate"
        case Stuck():
            return "stuck"
        case Deviation():
            return "deviation"
        case _:
            return "silence"
