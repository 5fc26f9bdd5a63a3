from __future__ import annotations

from collections.abc import Sequence

import pytest
from flows_streams import TABLE, S
from hypothesis import given, settings
from hypothesis import strategies as st
from rules_oracle import RulesOracle, Told
from rules_streams import Message, cut, messages, rules

from flows.rules import Rule, RuleState, state

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


@settings(max_examples=400, deadline=None)
@given(rules=rules, stream=messages())
def test_agrees_with_the_oracle(rules: tuple[Rule, ...], stream: list[Message]) -> None:
    judge = RuleState(rules, TABLE, allowed_skew_ns=SKEW)
    assert [told for message in stream for told in feed(judge, message)] == expected(rules, stream)


@settings(max_examples=200, deadline=None)
@given(rules=rules, stream=messages(), sizes=st.lists(st.integers(1, 6), max_size=8))
def test_where_blocks_end_does_not_matter(rules: tuple[Rule, ...], stream: list[Message], sizes: list[int]) -> None:
    whole, pieces = (RuleState(rules, TABLE, allowed_skew_ns=SKEW) for _ in range(2))
    told = [one for message in stream for one in feed(whole, message)]
    assert [one for message in stream for piece in cut(message, sizes) for one in feed(pieces, piece)] == told


@settings(max_examples=200, deadline=None)
@given(rules=rules, stream=messages())
def test_a_restart_after_every_block_changes_nothing(rules: tuple[Rule, ...], stream: list[Message]) -> None:
    told = []
    judge = RuleState(rules, TABLE, allowed_skew_ns=SKEW)
    for message in stream:
        told += feed(judge, message)
        judge = RuleState.restore(judge.snapshot(), rules, TABLE, allowed_skew_ns=SKEW)
    assert told == expected(rules, stream)


@settings(max_examples=100, deadline=None)
@given(rules=rules, stream=messages(), most=st.integers(0, 20))
def test_when_samples_are_settled_does_not_matter(rules: tuple[Rule, ...], stream: list[Message], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "_MOST_PENDING", most)
        judge = RuleState(rules, TABLE, allowed_skew_ns=SKEW)
        assert [told for message in stream for told in feed(judge, message)] == expected(rules, stream)
