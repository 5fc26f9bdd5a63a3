"""When a rollout goes on, and when it stops itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge_gateway.commands.model_reports import reports_of
from models.channel import SCHEMA, Channel, Pick, Rollout
from models.rollout import Report, Then, What, begin, decide, give_up

ONE, TWO, THREE = (Pick(version, version * 64) for version in "123")
PLAN = Rollout((20, 60, 100), soak_ns=100, halt_gateways=1, halt_alarms=3, begun=1_000)
STABLE = Channel(SCHEMA, "press", "stable", 1, 0, 10**6, ONE)
FIRST = replace(begin(STABLE, TWO, PLAN), issued=1_000)


def said(gateway: str, at: int, what: What) -> Report:
    return Report(gateway, at, what, f"{gateway}: {what}")


def test_it_begins_with_the_first_stage_and_the_others_keep_what_all_had() -> None:
    assert (FIRST.wanted, FIRST.others, FIRST.percent, FIRST.rollout) == (TWO, ONE, 20, PLAN)


def test_over_a_share_that_was_set_by_hand_the_others_keep_what_they_have() -> None:
    by_hand = replace(STABLE, wanted=TWO, percent=20, others=ONE)
    assert begin(by_hand, TWO, PLAN).others == ONE
    assert begin(by_hand, THREE, PLAN).others == ONE
    assert begin(replace(by_hand, percent=100, mode="shadow"), TWO, PLAN).others == ONE


@pytest.mark.parametrize(
    ("channel", "wanted", "rule"),
    [
        (FIRST, THREE, "is being rolled out, at 20 %"),
        (replace(STABLE, halted={"2": "a storm"}), TWO, "was halted: a storm"),
        (STABLE, ONE, "all have already"),
    ],
)
def test_what_cannot_begin(channel: Channel, wanted: Pick, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        begin(channel, wanted, PLAN)


@pytest.mark.parametrize(
    ("reports", "now", "then", "why"),
    [
        pytest.param([], 10_000, Then.WAIT, "no gateway of 20 %", id="silence is no success"),
        pytest.param([said("a", 1_050, "promoted")], 1_149, Then.WAIT, "soak", id="not quiet for long enough"),
        pytest.param([said("a", 1_050, "promoted")], 1_150, Then.ADVANCE, "on to 60 %", id="quiet"),
        pytest.param(
            [said("a", 1_050, "promoted"), *(said(name, 1_060, "begun") for name in "abcd")],
            9_999,
            Then.WAIT,
            "of 4 that took it up at 20 %, 1 serve it",
            id="most are still shadows",
        ),
        pytest.param([said("a", 900, "promoted")], 10_000, Then.WAIT, "no gateway", id="of an earlier attempt"),
        pytest.param(
            [said("a", 1_050, "promoted"), said("a", 1_060, "trouble")], 1_070, Then.HALT, "a: a: trouble", id="trouble"
        ),
        pytest.param([said("b", 1_060, "trouble")], 1_070, Then.HALT, "b: b: trouble", id="it was never served"),
        pytest.param([said("b", 999, "trouble")], 1_070, Then.WAIT, "no gateway", id="trouble of an earlier attempt"),
        pytest.param(
            [said("a", 1_050, "promoted"), *[said("a", 1_060, "alarm")] * 3], 1_150, Then.ADVANCE, "", id="some alarms"
        ),
        pytest.param(
            [said("a", 1_050, "promoted"), *[said("a", 1_060, "alarm")] * 4], 1_150, Then.HALT, "4 of its", id="storm"
        ),
        pytest.param(
            [said("a", 1_050, "promoted"), *(said(one, 1_060, "alarm") for one in "aabbccdd")],
            1_150,
            Then.ADVANCE,
            "",
            id="a few alarms at each of many",
        ),
    ],
)
def test_the_first_stage(reports: list[Report], now: int, then: Then, why: str) -> None:
    decision = decide(FIRST, reports, now)
    assert decision.then is then
    assert why in decision.why
    assert (decision.channel is None) == (then is Then.WAIT)


def test_it_goes_on_to_all_and_is_done() -> None:
    reports = [said("a", 1_050, "promoted")]
    second = replace(decide(FIRST, reports, 1_150).channel or FIRST, issued=1_150)
    assert (second.percent, second.wanted, second.others, second.rollout) == (60, TWO, ONE, PLAN)
    assert decide(second, reports, 1_349).then is Then.WAIT  # nobody new has told anything: twice the soak
    third = replace(decide(second, reports, 1_350).channel or second, issued=1_350)
    assert third.percent == 100
    reports.append(said("b", 1_400, "promoted"))
    assert decide(third, reports, 1_499).then is Then.WAIT
    done = decide(third, reports, 1_500)
    assert (done.then, done.serving) == (Then.DONE, ("a", "b"))
    assert done.channel == replace(third, rollout=None, others=None)


def test_halted_all_go_back_to_what_the_others_have_and_it_is_not_tried_again() -> None:
    decision = decide(FIRST, [said("a", 1_050, "trouble")], 1_060)
    after = decision.channel
    assert after is not None
    assert (after.wanted, after.others, after.percent, after.rollout) == (ONE, None, 100, None)
    assert list(after.halted) == ["2"]
    with pytest.raises(ValueError, match="was halted: halted at 20 %"):
        begin(after, TWO, PLAN)


def test_with_nothing_to_go_back_to_nobody_new_takes_it() -> None:
    alone = give_up(replace(FIRST, others=None), "why")
    assert (alone.wanted, alone.percent, alone.halted) == (TWO, 0, {"2": "why"})


def test_more_gateways_may_be_in_trouble_if_it_is_said_so() -> None:
    plan = replace(PLAN, halt_gateways=3)
    reports = [said(name, 1_010, "promoted") for name in "abcdefgh"] + [said(name, 1_020, "trouble") for name in "ab"]
    decision = decide(replace(FIRST, rollout=plan), reports, 2_000)
    assert (decision.then, len(decision.serving), list(decision.troubled)) == (Then.ADVANCE, 6, ["a", "b"])


EVENT = {"key": "k", "kind": "model", "source": "press@2", "start": 5, "reason": "promoted", "detail": "d"}
ALERT = {"key": "k", "alert_id": "a", "model": "press@2", "state": "opened", "rule": "anomaly", "received_time": 6}


@pytest.mark.parametrize(
    ("document", "what"),
    [
        (EVENT, "promoted"),
        ({**EVENT, "reason": "added"}, "begun"),
        ({**EVENT, "reason": "shadowed"}, "begun"),
        ({**EVENT, "reason": "rolled_back"}, "trouble"),
        ({**EVENT, "reason": "failed"}, "trouble"),
        ({**EVENT, "reason": "refused"}, "trouble"),
        ({**EVENT, "reason": "channel_old"}, None),
        ({**EVENT, "source": "press@1"}, None),
        ({**EVENT, "kind": "drift"}, None),
        (ALERT, "alarm"),
        ({**ALERT, "rule": "anomaly.press"}, "alarm"),
        ({**ALERT, "rule": "data_quality.press"}, None),
        ({**ALERT, "state": "cleared"}, None),
        ({**ALERT, "model": "pump@2"}, None),
    ],
)
def test_what_a_record_says_of_a_version(document: dict[str, Any], what: str | None) -> None:
    found = [(one.gateway, one.what) for one in reports_of("plant/gw-1", "press@2", document)]
    assert found == ([] if what is None else [("plant/gw-1", what)])
