from __future__ import annotations

from collections.abc import Sequence

import pytest
from flows_streams import T0, TABLE, S, block

from connectors.tags import Tag, TagTable
from flows.errors import StateError
from flows.rules import Deviation, Limit, RateOfChange, Rule, RuleState, Silence, Stuck

H = Limit("current", "H", 10.0)
TURNED = TagTable("press", (Tag("door"), Tag("current", "A", 1.0)))


def restarted(state: RuleState, rules: Sequence[Rule], tags: TagTable = TABLE) -> RuleState:
    return RuleState.restore(state.snapshot(), rules, tags)


def test_a_condition_whose_rule_is_gone_ends_with_the_next_event() -> None:
    state = RuleState([H, Limit("speed", "H", 10.0)], TABLE)
    state.push(block((1, 0, 11.0), (2, 1, 11.0)))
    kept = restarted(restarted(state, [H]), [H])  # a second restart before any event
    (ended,) = kept.push(block((3, 0, 11.0), received=4))
    assert (ended.alarm, ended.active, ended.at, ended.received_time) == ("speed.H", False, T0 + 2 * S, T0 + 4 * S)
    assert "not configured any more" in ended.detail
    assert not kept.push(block((4, 0, 11.0)))
    (ended,) = restarted(state, [H]).pass_time(T0 + 9 * S, 5)
    assert (ended.alarm, ended.received_time) == ("speed.H", 5)


def test_a_rule_of_another_kind_or_tag_under_the_same_name_starts_fresh() -> None:
    state = RuleState([Limit("current", "H", 10.0, name="x")], TABLE)
    state.push(block((1, 0, 11.0)))
    for other in (Limit("current", "L", 20.0, name="x"), Limit("speed", "H", 10.0, name="x")):
        changed = restarted(state, [other])
        assert changed.active == ()
        assert [change.active for change in changed.push(block((2, 0, 11.0), (2, 1, 11.0)))] == [False, True]


def test_a_changed_limit_judges_from_the_next_sample_on() -> None:
    state = RuleState([H], TABLE)
    state.push(block((1, 0, 11.0)))
    changed = restarted(state, [Limit("current", "H", 12.0)])
    assert changed.active == ("current.H",)
    (ended,) = changed.push(block((2, 0, 11.0)))
    assert (ended.active, ended.limit) == (False, 12.0)


def test_a_smaller_tolerance_shortens_the_stretch() -> None:
    state = RuleState([Stuck("current", "10s", tolerance=1.0)], TABLE)
    state.push(block((0, 0, 1.0), (3, 0, 1.5), (6, 0, 1.5)))
    changed = restarted(state, [Stuck("current", "10s", tolerance=0.1)])
    assert not changed.push(block((12, 0, 1.5)))
    assert len(changed.push(block((13, 0, 1.5)))) == 1


def test_new_rules_start_with_the_next_event() -> None:
    state = RuleState([H], TABLE)
    state.push(block((0, 0, 1.0)))
    more = restarted(state, [H, Silence("speed", "10s"), RateOfChange("current", rise=1.0)])
    assert not more.push(block((100, 0, 50.0 - 45.0), (109, 0, 5.0), (110, 0, 5.0)))
    assert [change.alarm for change in more.push(block((110.5, 0, 5.0)))] == ["speed.silence"]


@pytest.mark.parametrize("restart", [True, False])
def test_tags_go_by_name_when_the_table_changes(restart: bool) -> None:
    rules = [H, RateOfChange("current", rise=3.0), Silence("speed", "10s"), Deviation("current", "door", 9.0)]
    state = RuleState(rules, TABLE)
    state.push(block((0, 0, 9.0), (0, 1, 1.0), (0, 2, 1.0)))
    if restart:
        state = restarted(state, rules, TURNED)
    changes = state.push(block((1, 1, 12.1), (9, 1, 12.0), (20, 0, 0.0), (21, 0, 0.0), table=TURNED))
    assert [(change.alarm, change.active) for change in changes] == [
        ("current.H", True),
        ("current.rate", True),
        ("current.deviation", True),
        ("current.rate", False),
        ("speed.silence", True),  # the table has no such tag any more
    ]
    assert changes[0].evidence is not None
    assert changes[0].evidence.traces[0].tag == "current"
    assert [c.alarm for c in state.push(block((22, 1, 1.0)))] == ["speed.silence"]  # and back to the first table


def test_state_that_cannot_be_read_is_refused_with_a_way_out() -> None:
    good = RuleState([H, Stuck("speed", "1s")], TABLE)
    good.push(block((0, 1, 1.0)))
    data = good.snapshot()
    for damaged in (b"SGR9" + data[4:], data[:3], data[:6], data[:40], data[:-1], b""):
        with pytest.raises(StateError, match=r"recovery state of the rules step: .*; go back to the version"):
            RuleState.restore(damaged, [H], TABLE)
