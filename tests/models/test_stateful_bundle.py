from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from models_suite import plant_rows, suite_bundle

from models.bundle import Golden, read_bundle, write_bundle
from models.errors import BundleRejected, StateRefused
from models.onnx_scorer import OnnxScorer
from models.scores import follow
from models.state import begin

TAGS = ("flow", "pressure", "level")
ROWS = plant_rows(600, 3)
BUNDLE = suite_bundle(ROWS, TAGS)


@pytest.fixture(scope="module")
def scorer():
    return OnnxScorer(BUNDLE)


def test_it_survives_the_disk(tmp_path):
    write_bundle(tmp_path / "suite", BUNDLE)
    read = read_bundle(tmp_path / "suite")
    assert read.manifest.state == BUNDLE.manifest.state
    assert (read.manifest.warm_up, read.manifest.counter) == (19, 1)
    np.testing.assert_array_equal(read.golden.score, BUNDLE.golden.score)
    for name in ("edges", "shares", "score_edges", "score_shares"):
        np.testing.assert_array_equal(getattr(read.baseline, name), getattr(BUNDLE.baseline, name))
    assert OnnxScorer.load(tmp_path / "suite").state == BUNDLE.manifest.state


def test_rows_one_after_the_other_warm_up_and_then_score(scorer):
    scores = follow(scorer, ROWS[:60, :, None])
    assert np.isnan(scores.score[: scorer.warm_up]).all()
    assert np.isfinite(scores.score[scorer.warm_up :]).all()
    assert [array.shape for array in scores.state] == [(1, *port.shape) for port in scorer.state]


def test_where_it_is_taken_up_again_it_goes_on_to_the_last_bit(scorer):
    whole = follow(scorer, ROWS[:60, :, None])
    half = follow(scorer, ROWS[:33, :, None])
    state, scores = half.state, []
    for row in ROWS[33:60]:
        one = scorer.score(row.reshape(1, 3, 1), tuple(array.copy() for array in state))
        state = one.state
        scores.append(one.score[0])
    np.testing.assert_array_equal(np.concatenate([half.score, scores]), whole.score)


def test_an_asset_scores_the_same_to_the_last_bit_in_any_company(scorer):
    many = plant_rows(50, 3 * 37, seed=8).reshape(50, 37, 3, 1)
    state = begin(scorer.state, 37)
    together = []
    for rows in many:
        scores = scorer.score(rows, state)
        state = scores.state
        together.append(scores)
    for asset in (0, 5, 36):
        alone = follow(scorer, many[:, asset])
        np.testing.assert_array_equal([each.score[asset] for each in together], alone.score)
        np.testing.assert_array_equal([each.contributions[asset] for each in together], alone.contributions)


def test_what_is_handed_in_is_left_alone(scorer):
    state = begin(scorer.state, 2)
    before = [array.copy() for array in state]
    for array in state:
        array.setflags(write=False)
    scorer.score(ROWS[:2, :, None], state)
    for array, kept in zip(state, before, strict=True):
        np.testing.assert_array_equal(array, kept)


def test_no_rows_leave_the_state_as_it_is(scorer):
    assert len(scorer.score(np.empty((0, 3, 1)), begin(scorer.state, 0)).score) == 0


@pytest.mark.parametrize("assets", [None, 1, 3])
def test_a_state_of_others_is_refused(scorer, assets):
    state = () if assets is None else begin(scorer.state, assets)
    with pytest.raises(StateRefused, match="suite@1 wants"):
        scorer.score(ROWS[:2, :, None], state)


@pytest.mark.parametrize(
    ("golden", "rule"),
    [
        (Golden(BUNDLE.golden.rows[:30], BUNDLE.golden.score[:30]), "need 16 scores and no infinity, they have 11"),
        (Golden(BUNDLE.golden.rows * np.inf, BUNDLE.golden.score), "need 16 scores and no infinity"),
        (Golden(BUNDLE.golden.rows, BUNDLE.golden.score * 1.001), "41 of 60 golden rows do not get their scores"),
        (Golden(BUNDLE.golden.rows[::-1].copy(), BUNDLE.golden.score), "golden rows do not get their scores"),
    ],
)
def test_golden_rows_of_another_history_are_refused(tmp_path, golden, rule):
    write_bundle(tmp_path / "suite", replace(BUNDLE, golden=golden))
    with pytest.raises(BundleRejected) as refusal:
        OnnxScorer.load(tmp_path / "suite")
    assert rule in str(refusal.value)


def test_a_graph_that_remembers_otherwise_than_its_manifest_says_is_refused():
    manifest = replace(BUNDLE.manifest, state=BUNDLE.manifest.state[:3])
    with pytest.raises(BundleRejected, match="inputs and outputs are"):
        OnnxScorer(replace(BUNDLE, manifest=manifest))
