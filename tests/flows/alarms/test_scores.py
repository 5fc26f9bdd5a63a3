from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flows_streams import T0, S

from connectors.tags import Tag, TagTable
from flows.alarms import AlarmSetup, AlertSettings, AssetAlarms
from flows.blocks import ScoredBlock
from flows.errors import StateError
from flows.window_settings import WindowSettings
from models.served import Verdict, Why

TAGS = ("a", "b", "c", "d", "e", "f")
TABLE = TagTable("press", tuple(Tag(name) for name in TAGS))
NAN = float("nan")
SETTINGS = AlertSettings(open_after=2, clear_after=2, quality_after=2)
SETUP = AlarmSetup(alerts=SETTINGS, windows=WindowSettings("10s"))


def scored(
    *scores: float,
    first: int = 0,
    coverage: float = 1.0,
    partial: bool = False,
    model: str = "m@1",
    why: Why = Why.QUALITY,
) -> ScoredBlock:
    w, t = len(scores), len(TAGS)
    start = T0 + (first + np.arange(w, dtype=np.int64)) * 10 * S
    covered = np.full((w, t), 1.0, dtype=np.float32)
    covered[:, 1:3] = (coverage, coverage / 2)
    return ScoredBlock(
        tags=TABLE,
        start=start,
        end=start + 10 * S,
        n=np.ones((w, t), np.int32),
        n_bad=np.zeros((w, t), np.int32),
        coverage=covered,
        decided_received=T0 + 99 * S,
        partial=partial,
        features=("mean",),
        values=np.ones((w, t, 1)),
        verdicts=(said(model, *scores, covered=covered, why=why),) if model else (),
    )


def said(model: str, *scores: float, covered: Any, why: Why = Why.QUALITY, shadow: bool = False) -> Verdict:
    """What a model says; `why` = of windows without a score."""
    score = np.array(scores)
    return Verdict(
        model=model,
        tags=TAGS,
        score=score,
        why=np.where(np.isnan(score), why, Why.JUDGED).astype(np.uint8),
        contributions=np.tile([0.1, 0.3, 0.05, 0.3, 0.2, 0.05], (len(scores), 1)),
        coverage=covered,
        min_coverage=0.5,
        shadow=shadow,
    )


@pytest.mark.parametrize(
    ("scores", "changes"),
    [
        ([0.5, 0.9, 1.0, 1.0], []),  # at the threshold is not above it
        ([1.5, 0.9, 1.5, 0.9], []),  # never two in a row
        ([0.5, 1.1, 1.2], [("opened", 3)]),
        ([1.1, 1.2, 5.0, 5.0], [("opened", 2)]),  # stays open
        ([1.1, 1.2, 0.9, 0.9, 0.9], [("opened", 2)]),  # between the levels nothing happens
        ([1.1, 1.2, 0.7, 0.9, 0.7, 0.7], [("opened", 2), ("cleared", 6)]),
        ([1.1, 1.2, 0.7, 0.7, 1.1, 1.1], [("opened", 2), ("cleared", 4), ("opened", 6)]),
        ([1.1, NAN, 1.1], [("opened", 3)]),  # an abstention neither feeds nor calms
        ([1.1, 1.1, 0.7, NAN, 0.7], [("opened", 2), ("cleared", 5)]),
    ],
)
def test_anomaly_opens_and_clears(scores: list[float], changes: list[tuple[str, int]]) -> None:
    whole = AssetAlarms(SETUP).push([scored(*scores)])
    assert [(a.state, (a.at - T0) // (10 * S)) for a in whole] == changes
    one_by_one, state = [], AssetAlarms(SETUP)
    for index, score in enumerate(scores):
        one_by_one += state.push([scored(score, first=index)])
        state = AssetAlarms.restore(state.snapshot(), SETUP)
    assert [a.encode() for a in one_by_one] == [a.encode() for a in whole]


def test_an_alert_says_what_a_person_needs() -> None:
    opened, cleared = AssetAlarms(SETUP).push([scored(1.2, 1.5, 0.1, 0.1)])
    assert (opened.asset, opened.rule, opened.severity, opened.score) == ("press", "anomaly", "warning", 1.5)
    assert (opened.threshold, opened.model, opened.received_time) == (1.0, "m@1", T0 + 99 * S)
    assert opened.opened_at == opened.at == T0 + 20 * S
    assert opened.contributions == (("b", 0.3), ("d", 0.3), ("e", 0.2), ("a", 0.1), ("c", 0.05))
    assert opened.detail == "The score is 1.50 times its threshold; most of it comes from b, d, e."
    assert (cleared.opened_at, cleared.at, cleared.severity) == (opened.at, T0 + 40 * S, "warning")
    assert cleared.alert_id == opened.alert_id
    assert cleared.key != opened.key


def test_twice_the_threshold_is_an_alarm() -> None:
    assert AssetAlarms(SETUP).push([scored(1.1, 2.0)])[0].severity == "alarm"
    assert AssetAlarms(SETUP).push([scored(9.0, 1.9)])[0].severity == "warning"


def test_abstention_opens_data_quality_and_names_the_tags() -> None:
    opened, cleared = AssetAlarms(SETUP).push([scored(0.5, NAN, NAN, NAN, 0.5, 0.5, coverage=0.25)])
    assert (opened.rule, opened.state, opened.at) == ("data_quality", "opened", T0 + 30 * S)
    assert opened.contributions == (("c", 0.875), ("b", 0.75))
    assert "too few good samples of c, b" in opened.detail
    assert np.isnan(opened.score)
    assert (cleared.state, cleared.at) == ("cleared", T0 + 60 * S)


def test_abstention_without_a_tag_to_blame_says_so() -> None:
    (opened,) = AssetAlarms(SETUP).push([scored(NAN, NAN)])
    assert opened.contributions == ()
    assert "is no number" in opened.detail


@pytest.mark.parametrize("why", [Why.WARMING_UP, Why.NOT_FED])
def test_a_model_that_warms_up_is_no_lack_of_data(why: Why) -> None:
    state = AssetAlarms(SETUP)
    assert state.push([scored(NAN, NAN, NAN, NAN, why=why)]) == []
    assert [alert.rule for alert in state.push([scored(1.5, first=4), scored(NAN, first=5, why=why)])] == []
    assert [alert.rule for alert in state.push([scored(1.5, first=6)])] == ["anomaly"]


@pytest.mark.parametrize(("why", "told"), [(Why.FAILED, "it failed, or took longer"), (Why.OFF, "it is switched off")])
def test_a_model_that_does_not_work_is_never_silent(why: Why, told: str) -> None:
    (opened,) = AssetAlarms(SETUP).push([scored(NAN, NAN, why=why)])
    assert (opened.rule, opened.state) == ("data_quality", "opened")
    assert told in opened.detail


def two(first: int, *pairs: tuple[float, float], shadow: bool = False) -> ScoredBlock:
    """Windows with scores of "m@1" and "forest@7"."""
    block = scored(*(own for own, _ in pairs), first=first)
    covered = block.verdicts[0].coverage
    return replace(
        block,
        verdicts=(*block.verdicts, said("forest@7", *(other for _, other in pairs), covered=covered, shadow=shadow)),
    )


def test_two_models_have_alarms_of_their_own_and_each_says_which_one_spoke() -> None:
    state = AssetAlarms(SETUP)
    alerts = state.push([two(0, (1.5, 0.5), (1.5, 0.5), (1.5, 3.0), (1.5, 3.0), (0.1, 3.0), (0.1, 3.0))])
    assert [(one.rule, one.state, one.model, (one.at - T0) // (10 * S)) for one in alerts] == [
        ("anomaly", "opened", "m@1", 2),
        ("anomaly.forest", "opened", "forest@7", 4),
        ("anomaly", "cleared", "m@1", 6),
    ]
    again = AssetAlarms.restore(state.snapshot(), SETUP)
    (cleared,) = again.push([two(6, (0.1, 0.1), (0.1, 0.1))])
    assert (cleared.rule, cleared.state, cleared.alert_id) == ("anomaly.forest", "cleared", alerts[1].alert_id)


def test_a_further_model_that_is_gone_has_no_alarm_any_more() -> None:
    state = AssetAlarms(SETUP)
    state.push([two(0, (0.1, 3.0), (0.1, 3.0))])
    (cleared,) = state.push([scored(0.1, first=2)])
    assert (cleared.rule, cleared.state) == ("anomaly.forest", "cleared")
    assert state.push([scored(0.1, first=3)]) == []
    again = AssetAlarms.restore(state.snapshot(), SETUP)
    (forgotten,) = again.push([scored(0.1, first=4)])  # as a rule that is gone: nobody will acknowledge it
    assert (forgotten.rule, forgotten.state) == ("anomaly.forest", "reset")
    assert again.push([scored(0.1, first=5)]) == []


def test_a_further_model_that_is_gone_after_a_restart_has_no_alarm_either() -> None:
    state = AssetAlarms(SETUP)
    state.push([two(0, (0.1, 3.0), (0.1, 3.0))])
    again = AssetAlarms.restore(state.snapshot(), SETUP)
    (cleared,) = again.push([scored(0.1, first=2)])
    assert (cleared.rule, cleared.state) == ("anomaly.forest", "cleared")


def test_a_shadow_never_alarms() -> None:
    assert AssetAlarms(SETUP).push([two(0, (0.1, 9.0), (0.1, 9.0), (0.1, NAN), (0.1, NAN), shadow=True)]) == []


def test_state_of_the_version_that_knew_one_model_is_read() -> None:
    state = AssetAlarms(SETUP)
    (opened,) = state.push([scored(1.5, 1.5)])
    kept = json.loads(state.snapshot())
    kept["v"], kept["judge"] = 2, kept.pop("judges")[""]
    again = AssetAlarms.restore(json.dumps(kept).encode(), SETUP)
    (cleared,) = again.push([scored(0.1, 0.1, first=2)])
    assert (cleared.state, cleared.alert_id) == ("cleared", opened.alert_id)


def test_partial_windows_and_unscored_assets_say_nothing() -> None:
    assert not AssetAlarms(SETUP).push([scored(9.0, 9.0, partial=True)])
    assert not AssetAlarms(SETUP).push([scored(NAN, NAN, NAN, model="")])


def test_what_is_open_is_cleared_when_the_model_is_taken_away() -> None:
    state = AssetAlarms(SETUP)
    state.push([scored(1.1, 1.2, NAN, NAN)])
    cleared = state.push([scored(NAN, NAN, first=4, model="")])
    assert [(alert.rule, alert.state, alert.at) for alert in cleared] == [
        ("anomaly", "cleared", T0 + 50 * S),
        ("data_quality", "cleared", T0 + 50 * S),
    ]
    assert "no model" in cleared[0].detail
    assert state.push([scored(NAN, first=6, model="")]) == []


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b'{"v": 2}', b"\x80\x04pickle", b"7", b'{"v": 1}', b'{"v": 1, "anomaly": {"x": 1}}']
)
def test_foreign_state_is_refused(damage: bytes) -> None:
    with pytest.raises(StateError, match="recovery state of the alert step"):
        AssetAlarms.restore(damage, SETUP)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"open_after": 0}, "open_after = 0: at least 1"),
        ({"clear_below": 1.2}, "clear_below = 1.2: must be above 0 and at most open_above"),
        ({"alarm_above": 0.5}, "alarm_above = 0.5: must be at least"),
    ],
)
def test_refuses_levels_that_cannot_be(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AlertSettings(**values)


def test_only_tags_that_a_score_really_comes_from_are_named() -> None:
    block = scored(1.5, 1.5)
    block.verdicts[0].contributions[:] = [0.0, 0.9, 0.05, 0.05, 0.0, 0.0]
    (opened,) = AssetAlarms(SETUP).push([block])
    assert opened.detail == "The score is 1.50 times its threshold; most of it comes from b."
