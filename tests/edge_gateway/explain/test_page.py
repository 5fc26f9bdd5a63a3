"""The page as a browser sees it: whole, well formed, self-contained, and told in words."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring

import alarm_records as made
import pytest

from cloud_sink.evidence import Evidence, FeatureShare, Trace
from cloud_sink.records import Alert
from edge_gateway.explain.page import page
from edge_gateway.explain.words import headline, standing

HTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"


def read(*transitions: Alert) -> Element:
    return fromstring(page(transitions, "riverside, gw-1").removeprefix("<!DOCTYPE html>\n"))


def text_of(root: Element) -> str:
    body = root.find(f"{HTML}body")
    assert body is not None
    return re.sub(r"\s+", " ", " ".join(body.itertext()))


def sections(root: Element) -> list[str | None]:
    return [heading.text for heading in root.iter(f"{HTML}h2")]


def test_a_scored_alarm_shows_score_features_curves_and_timeline() -> None:
    acknowledged = made.then(made.ANOMALY, "acknowledged", "ACKED", 95, "operator-1", "Bearing is noisy.")
    root = read(made.ANOMALY, acknowledged, made.then(made.ANOMALY, "cleared", "NORM", 7380))
    told = text_of(root)
    assert sections(root) == ["Score against its limit", "What contributed", "What the tags did", "What happened"]
    for words in (
        "its score was 3.0 times its limit, mostly because of vibration (75%) and flow (25%).",
        "It is over: back to normal after 2 h 3 min.",
        "vibration in mm/s",
        "No good sample in this stretch.",
        "how spiky it is",
        "by operator-1",
        "Bearing is noisy.",
        "+1 min 35 s",
        "2025-11-21 16:31:35",
        "✓ NORM: normal",
        made.ANOMALY.alert_id,
    ):
        assert words in told, words
    plots = [svg for svg in root.iter(f"{SVG}svg") if svg.get("class") == "plot"]
    assert len(plots) == 2  # the score, and the one tag that has samples
    assert all([rect for rect in svg.iter(f"{SVG}rect") if rect.get("class") == "window"] for svg in plots)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids)) == 2


def test_a_gap_in_the_score_is_explained() -> None:
    gap = " In the gaps the model had too little good data to judge."
    scores = ((made.RAISED - 10**10, math.nan), (made.RAISED, 3.0))
    assert gap in text_of(read(replace(made.ANOMALY, evidence=replace(made.EVIDENCE, scores=scores))))
    assert gap not in text_of(read(made.ANOMALY))


def test_a_bar_is_as_long_as_its_share() -> None:
    root = read(made.ANOMALY)
    (bar,) = (rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "share")
    (rail,) = (rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "rail")
    assert float(bar.get("width", "")) == 0.75 * float(rail.get("width", ""))


def test_a_limit_alarm_shows_its_curve_limit_and_moment() -> None:
    root = read(made.LIMIT)
    assert sections(root) == ["What the tags did", "What happened"]
    assert "temperature of pump-1 was at 90.5 °C, over its limit of 90 °C (temperature_high)." in text_of(root)
    (plot,) = (svg for svg in root.iter(f"{SVG}svg") if svg.get("class") == "plot")
    classes = {element.get("class") for element in plot.iter()}
    assert {"limit", "moment", "curve"} <= classes
    assert "window" not in classes  # no window decided


@pytest.mark.parametrize("kind", ["rate", "stuck", "silence", "deviation"])
def test_what_is_no_value_of_its_tag_is_not_told_or_drawn_as_one(kind: str) -> None:
    raised = replace(made.LIMIT, rule=f"temperature.{kind}", score=12.5, threshold=0.5, detail="It says what it is.")
    root = read(raised)
    assert f"temperature of pump-1: temperature.{kind}. It says what it is." in text_of(root)
    assert "was at 12.5" not in text_of(root)
    (plot,) = (svg for svg in root.iter(f"{SVG}svg") if svg.get("class") == "plot")
    assert "limit" not in {element.get("class") for element in plot.iter()}


@pytest.mark.parametrize(
    "evidence",
    [
        None,
        Evidence(0, 0),
        Evidence(5, 5, (FeatureShare("flow", "std", math.nan, math.nan),), ((5, math.nan),), (Trace("flow", "", ()),)),
    ],
)
def test_nothing_to_show_is_said_not_drawn(evidence: Evidence | None) -> None:
    root = read(replace(made.ANOMALY, evidence=evidence, contributions=()))
    assert not list(root.iter(f"{SVG}svg"))
    assert sections(root)[-1] == "What happened"


def test_without_shares_of_features_those_of_tags_are_shown() -> None:
    features = (FeatureShare("flow", "std", 2.0, math.nan),)
    root = read(replace(made.ANOMALY, evidence=replace(made.EVIDENCE, features=features)))
    heads = [[head.text for head in row if head.get("scope") == "col"] for row in root.iter(f"{HTML}tr")]
    assert [head for head in heads if head] == [["Tag", "Share of the score"], ["Tag", "Feature", "Value"]]
    assert len([rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "share"]) == 2


def test_for_want_of_data_the_tags_that_lack_it_are_shown() -> None:
    told = text_of(read(replace(made.ANOMALY, rule="data_quality", score=math.nan, evidence=None)))
    assert "Good samples that are missing vibration 75%" in told
    assert "Share of the score" not in told


def test_a_curve_of_the_deciding_window_alone_is_not_shaded_but_says_so() -> None:
    trace = Trace("vibration", "mm/s", ((0.0, 1.0), (10_000.0, 2.0)))
    root = read(replace(made.ANOMALY, evidence=replace(made.EVIDENCE, traces=(trace,))))
    assert "vibration in mm/s, in the deciding window" in text_of(root)
    _, curve = (svg for svg in root.iter(f"{SVG}svg") if svg.get("class") == "plot")
    assert not {"window", "moment"} & {element.get("class") for element in curve.iter()}


def test_a_history_that_begins_after_the_opening_is_a_page_too() -> None:
    assert "NORM: normal" in text_of(read(made.then(made.ANOMALY, "cleared", "NORM", 60)))


def test_what_happened_to_a_normal_alarm_was_never_raised() -> None:
    """Shelved before it was ever raised: such transitions belong to no opening."""
    told = text_of(read(replace(made.then(made.ANOMALY, "shelved", "SHLVD", 60, "operator-1"), opened_at=0)))
    assert "Since 2025-11-21 16:31:00 UTC" in told
    assert "Raised" not in told


def test_hostile_names_are_text_and_nothing_else() -> None:
    hostile = made.HOSTILE
    evidence = Evidence(
        0,
        10,
        (FeatureShare(hostile, hostile, 1.0, 0.5),),
        ((10, 2.0),),
        (Trace(hostile, hostile, ((0.0, 1.0), (1.0, 2.0))),),
    )
    alert = replace(
        made.ANOMALY,
        asset=hostile,
        rule=hostile,
        severity=hostile,
        model=hostile,
        tag=hostile,
        contributions=((hostile, 0.5),),
        detail=hostile,
        alarm_state=hostile,
        evidence=evidence,
    )
    later = made.then(alert, hostile, hostile, 5, hostile, hostile)
    text = page([alert, later], hostile)
    root = fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    assert not [element.tag for element in root.iter() if element.tag.endswith("}script")]
    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text_of(root).count('</p><script>alert("1")</script>&\\x1b[2J\\u202e') > 10


def test_the_page_needs_nothing_from_outside_and_runs_nothing() -> None:
    root = read(made.ANOMALY)
    text = page([made.ANOMALY], "riverside, gw-1")
    assert not re.findall(r"(?:src|href|action)=|@import|url\((?!#)", text)
    tags = {element.tag.split("}")[1] for element in root.iter()}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "a"}
    (policy,) = (meta.get("content") for meta in root.iter(f"{HTML}meta") if meta.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_the_same_alarm_gives_the_same_page() -> None:
    assert page([made.ANOMALY], "s, g") == page([made.ANOMALY], "s, g")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"contributions": (("flow", 0.95), ("head", 0.049), ("level", 0.001))},
            "its limit, mostly because of flow (95%).",
        ),
        ({"contributions": ()}, "pump-1 did not run as it normally does: its score was 3.0 times its limit."),
        ({"rule": "data_quality", "score": math.nan, "detail": "Why."}, "too little good data. Why."),
        ({"rule": "low", "score": 2.0, "threshold": 5.0}, "pump-1 was at 2, under its limit of 5 (low)."),
        ({"rule": "stuck", "score": math.nan, "tag": "flow", "detail": "Still."}, "flow of pump-1: stuck. Still."),
    ],
)
def test_headlines(change: dict[str, object], told: str) -> None:
    assert told in headline(replace(made.ANOMALY, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "state", "told"),
    [
        ("opened", "UNACK", "nobody has acknowledged it yet"),
        ("acknowledged", "ACKED", "operator-1 has acknowledged it"),
        ("cleared", "RTNUN", "back to normal after 1 min 30 s, but nobody"),
        ("shelved", "SHLVD", "operator-1 has silenced it"),
        ("suppressed", "DSUPR", "suppressed"),
        ("out_of_service", "OOSRV", "maintenance"),
        ("cleared", "NORM", "It is over"),
        ("later", "NEW", "Its state is NEW."),
    ],
)
def test_how_it_stands(change: str, state: str, told: str) -> None:
    assert told in standing([made.ANOMALY, made.then(made.ANOMALY, change, state, 90, "operator-1")])
