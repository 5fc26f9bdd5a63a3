from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from models.pictures import LONGEST_NAME, MOST_TAGS, picture_of_baseline, picture_of_scores, picture_of_shares

SVG = "{http://www.w3.org/2000/svg}"
RNG = np.random.default_rng(1)


def words(picture):
    return [text.text for text in ET.fromstring(picture).iter(f"{SVG}text")]


def curves(picture):
    found = []
    for line in ET.fromstring(picture).iter(f"{SVG}polyline"):
        points = [point.split(",") for point in line.attrib["points"].split()]
        found.append(np.array(points, dtype=float))
    return found


@pytest.mark.parametrize(
    "picture",
    [
        picture_of_scores(RNG.random(500), RNG.random(100)),
        picture_of_shares(["<flow>", "a & b"], np.array([0.25, 0.75])),
        picture_of_baseline(["<flow>"], np.arange(9.0)[None], RNG.random((50, 1)), ["m3/h"]),
    ],
)
def test_a_picture_is_whole_for_itself_and_reads_on_dark_pages(picture):
    root = ET.fromstring(picture)
    assert root.find(f"{SVG}title").text
    assert "prefers-color-scheme: dark" in picture
    assert "href" not in picture
    assert "<script" not in picture
    _, _, wide, high = map(float, root.attrib["viewBox"].split())
    for mark in root.iter():
        for name, most in (("x", wide), ("x1", wide), ("x2", wide), ("y", high), ("y1", high), ("y2", high)):
            assert 0 <= float(mark.attrib.get(name, 0)) <= most


def test_the_hold_out_follows_the_training_and_the_largest_score_of_a_bin_is_drawn():
    kept, later = np.full(4000, 0.2), np.full(1000, 0.3)
    later[500] = 0.9
    kept[:19] = np.nan
    picture = picture_of_scores(kept, later)
    training, holdout = curves(picture)
    assert training[:, 0].max() < holdout[:, 0].min()
    assert len(training) + len(holdout) <= 360
    assert holdout[:, 1].min() < training[:, 1].min()
    assert {"training", "hold-out", "limit 1.0"} <= set(words(picture))


def test_a_wild_score_does_not_press_the_others_flat():
    scores = np.full(100, 0.5)
    scores[50] = 1e6
    picture = picture_of_scores(scores, scores)
    assert "4 or more" in words(picture)
    assert np.ptp(curves(picture)[0][:, 1]) == pytest.approx(180 * 3.5 / 4, abs=1)


def test_the_largest_share_comes_first_and_there_are_not_too_many():
    shares = np.arange(30.0) / np.arange(30.0).sum()
    picture = picture_of_shares([f"t{at}" for at in range(30)], shares)
    assert words(picture)[:2] == ["t29", f"{shares[29]:.1%}"]
    assert len(list(ET.fromstring(picture).iter(f"{SVG}rect"))) == MOST_TAGS


def test_long_names_keep_their_ends():
    (name, _) = words(picture_of_shares(["hall_7_line_3_pump_12_flow_return"], np.array([1.0])))
    assert len(name) <= LONGEST_NAME
    assert name.startswith("hall_7")
    assert name.endswith("return")


def test_a_tag_that_never_moved_or_never_came_can_be_drawn():
    picture = picture_of_baseline(["a", "b"], np.ones((2, 9)), np.full((5, 2), [1.0, np.nan]), ["", "bar"])
    assert "b [bar]" in words(picture)
    assert "nan" not in picture
