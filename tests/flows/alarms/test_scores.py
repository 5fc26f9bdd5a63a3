from __future__ import annotations

import numpy as np
import pytest
from flows_streams import T0, S

from connectors.tags import Tag, TagTable
from flows.alarms import AlarmSetup, AlertSettings, AssetAlarms
from flows.blocks import ScoredBlock
from flows.errors import StateError
from flows.window_settings import WindowSettings

TAGS = ("a", "b", "c", "d", "e", "f")
TABLE = TagTable("press", tuple(Tag(name) for name in TAGS))
NAN = float("nan")
SETTINGS = AlertSettings(open_after=2, clear_after=2, quality_after=2)
SETUP = AlarmSetup(alerts=SETTINGS, windows=WindowSettings("10s"))


def scored(
    *scores: float, first: int = 0, coverage: float = 1.0, partial: bool = False, model: str = "m@1"
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
        score=np.array(scores),
        model=model,
        model_tags=TAGS,
        contributions=np.tile([0.1, 0.3, 0.05, 0.3, 0.2, 0.05], (w, 1)),
        model_coverage=covered,
        min_coverage=0.5,
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
    block.contributions[:] = [0.0, 0.9, 0.05, 0.05, 0.0, 0.0]
    (opened,) = AssetAlarms(SETUP).push([block])
    assert opened.detail == "The score is 1.50 times its threshold; most of it comes from b."
