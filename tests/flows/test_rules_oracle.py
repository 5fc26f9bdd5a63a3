from __future__ import annotations

from collections.abc import Sequence

import pytest
from flows_streams import TABLE, S
from hypothesis import given, settings
from hypothesis import strategies as st
from rules_oracle import RulesOracle, Told
from rules_streams import RULES, Message, cut, long_stream, messages, rules

from flows.rules import Rule, RuleState, state, stuck

SKEW = 10 * S


def feed(judge: RuleState, message: Message) -> list[Told]:
    changes = judge.pass_time(message, message + 1) if isinstance(message, int) else judge.push(message)
    return [(c.alarm, c.active, c.at, c.received_time, c.value, c.limit) for c in changes]


def expected(rules: Sequence[Rule], stream: Sequence[Message]) -> list[Told]:
    oracle = RulesOracle(rules, SKEW)
    told: list[Told] = []
    for message in stream:
        told += oracle.pass_time(message, message + 1) if isinstance(message, int) else oracle.push(message)
    return told


@settings(max_examples=150, deadline=None)
@given(rules=rules, stream=messages())
def test_agrees_with_the_oracle(rules: tuple[Rule, ...], stream: list[Message]) -> None:
    judge = RuleState(rules, TABLE, allowed_skew_ns=SKEW)
    assert [told for message in stream for told in feed(judge, message)] == expected(rules, stream)


@settings(max_examples=80, deadline=None)
@given(rules=rules, stream=messages(), sizes=st.lists(st.integers(1, 6), max_size=8))
def test_where_blocks_end_does_not_matter(rules: tuple[Rule, ...], stream: list[Message], sizes: list[int]) -> None:
    whole, pieces = (RuleState(rules, TABLE, allowed_skew_ns=SKEW) for _ in range(2))
    told = [one for message in stream for one in feed(whole, message)]
    assert [one for message in stream for piece in cut(message, sizes) for one in feed(pieces, piece)] == told


@settings(max_examples=80, deadline=None)
@given(rules=rules, stream=messages())
def test_a_restart_after_every_block_changes_nothing(rules: tuple[Rule, ...], stream: list[Message]) -> None:
    told = []
    judge = RuleState(rules, TABLE, allowed_skew_ns=SKEW)
    for message in stream:
        told += feed(judge, message)
        judge = RuleState.restore(judge.snapshot(), rules, TABLE, allowed_skew_ns=SKEW)
    assert told == expected(rules, stream)


@pytest.mark.parametrize("most", [0, 30, 4096])
def test_agrees_over_long_streams_however_often_samples_are_settled(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_MOST_PENDING", most)
    monkeypatch.setattr(stuck, "_MANY", most // 10)
    monkeypatch.setattr(stuck, "_NEAR", 2)
    turned: set[tuple[str, bool]] = set()
    for seed in range(100):
        rules, stream = long_stream(seed)
        judge = RuleState(rules, TABLE, allowed_skew_ns=SKEW)
        told = [one for message in stream for one in feed(judge, message)]
        assert told == expected(rules, stream), f"seed {seed}"
        turned.update((one[0], one[1]) for one in told)
    never = {("nowhere.silence", False), ("door.deviation", True), ("door.deviation", False)}
    assert turned == {(rule.name, active) for rule in RULES for active in (True, False)} - never
