"""Immediate rules: conditions judged on the block, before any window. Pure: no clock, no I/O, no Bytewax.

    rules = (Limit("flow", "HH", 12.0, deadband=0.5), Silence("flow", silent_for="30s"))
    state = RuleState(rules, tags)
    changes = state.push(block)          # a condition began or ended, each with its exact sample
    changes += state.pass_time(end, now)  # nothing newer will come that is older than `end`

What each kind means, in which units, and what bad quality, replays and disorder do: `flows/README.md`.

Words owned here: rule, condition, quiet band.
"""

from __future__ import annotations

from flows.rules.rule import Deviation, Limit, RateOfChange, Rule, Silence, Stuck
from flows.rules.rule_set import RuleSet
from flows.rules.state import RuleState

__all__ = ["Deviation", "Limit", "RateOfChange", "Rule", "RuleSet", "RuleState", "Silence", "Stuck"]
