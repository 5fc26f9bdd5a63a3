"""What every detector of feature rows must do, whatever it measures. Tests of one detector have a file of their own."""

from __future__ import annotations

import functools
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from models.detectors.autoencoder import AutoencoderDetector
from models.detectors.forest import ForestDetector
from models.detectors.knn import NearestDetector
from models.detectors.largest import LargestDeviationDetector
from models.detectors.mahalanobis import MahalanobisDetector
from models.detectors.mixture import MixtureDetector
from models.detectors.pca import PcaDetector
from models.detectors.suite import SuiteDetector
from models.detectors.svm import SvmDetector

TAGS, PER_TAG = 3, 3
RNG = np.random.default_rng(3)
LOAD = RNG.normal(size=(400, 1))
NORMAL = 20.0 + np.repeat(LOAD, TAGS * PER_TAG, axis=1) + 0.5 * RNG.normal(size=(400, TAGS * PER_TAG))
LATER = 20.0 + np.repeat(RNG.normal(size=(60, 1)), TAGS * PER_TAG, axis=1) + 0.5 * RNG.normal(size=(60, 9))

SMALL = [
    AutoencoderDetector(epochs=15),
    ForestDetector(trees=10),
    LargestDeviationDetector(),
    MixtureDetector(modes=2),
    NearestDetector(references=40),
    PcaDetector(),
    SvmDetector(),
]
EVERY = [detector.set_params(features_per_tag=PER_TAG) for detector in map(clone, SMALL)] + [
    AutoencoderDetector(epochs=60, features_per_tag=PER_TAG),
    MahalanobisDetector(features_per_tag=PER_TAG),
    SuiteDetector(embargo=5),
]
ADDITIVE = [one for one in EVERY if not isinstance(one, ForestDetector | SvmDetector)]
UNBOUNDED = [one for one in EVERY if not isinstance(one, ForestDetector)]


@functools.cache
def fitted_once(detector):
    return clone(detector).fit(NORMAL)


def named(detector):
    return type(detector).__name__


each = pytest.mark.parametrize("detector", EVERY, ids=named)


@parametrize_with_checks([PcaDetector(), LargestDeviationDetector(), NearestDetector(references=20)])
def test_the_habits_of_scikit_learn(estimator, check):
    check(estimator)


@each
def test_a_far_row_scores_above_all_normal_ones(detector):
    fitted = fitted_once(detector)
    far = NORMAL[:1] + np.array([0] * 3 + [15.0] * 3 + [0] * 3)
    assert fitted.anomaly_score(far)[0] > fitted.anomaly_score(LATER).max()


@pytest.mark.parametrize("detector", UNBOUNDED, ids=named)
def test_farther_is_more_anomalous_without_end(detector):
    fitted = fitted_once(detector)
    away = np.array([10.0, 100.0, 1e4, 1e7])[:, None] * fitted.scale_ * np.array([1, 0, 0, -1, 0, 0, 0, 1, 0])
    assert (np.diff(fitted.anomaly_score(fitted.centre_ + away)) > 0).all()


@each
def test_a_row_scores_the_same_to_the_last_bit_in_any_company(detector):
    fitted = fitted_once(detector)
    whole = fitted.anomaly_score(LATER)
    for n in (1, 2, 7, 33):
        np.testing.assert_array_equal(fitted.anomaly_score(LATER[:n]), whole[:n])
    alone = np.concatenate([fitted.anomaly_score(LATER[at : at + 1]) for at in range(len(LATER))])
    np.testing.assert_array_equal(alone, whole)


@each
def test_a_hole_leaves_its_row_without_a_score_and_touches_no_other(detector):
    fitted = fitted_once(detector)
    rows = LATER[:5].copy()
    rows[2, 4] = np.nan
    score, shares = fitted.anomaly_score(rows), fitted.contributions(rows)
    assert np.isnan(score).tolist() == [False, False, True, False, False]
    assert np.isnan(shares).all(axis=1).tolist() == [False, False, True, False, False]
    np.testing.assert_array_equal(score[[0, 1, 3, 4]], fitted.anomaly_score(LATER[[0, 1, 3, 4]]))


@each
def test_every_finite_row_has_a_finite_score(detector):
    fitted = fitted_once(detector)
    with np.errstate(over="ignore"):
        wild = np.full((2, TAGS * PER_TAG), [[1.7e308], [-1e300]])
        assert np.isfinite(fitted.anomaly_score(wild)).all()
        assert np.isfinite(fitted.contributions(wild)).all()


@each
def test_the_tag_that_moved_contributes_most(detector):
    fitted = fitted_once(detector)
    for tag in range(TAGS):
        row = fitted.centre_.copy()
        row[PER_TAG * tag : PER_TAG * (tag + 1)] += 12.0 * fitted.scale_[PER_TAG * tag : PER_TAG * (tag + 1)]
        shares = fitted.contributions([row])[0]
        assert shares.argmax() == tag
        assert shares.sum() == pytest.approx(1.0)
        assert (shares >= 0).all()


@pytest.mark.parametrize("detector", ADDITIVE, ids=named)
def test_what_the_columns_add_sums_to_the_score(detector):
    fitted = clone(detector).set_params(limit=3.0).fit(NORMAL)
    np.testing.assert_allclose(fitted.column_terms(LATER).sum(axis=1), fitted.anomaly_score(LATER), rtol=1e-9)


@each
def test_a_limit_scales_the_scores_and_needs_no_new_fit(detector):
    fitted = fitted_once(detector)
    before = fitted.anomaly_score(LATER)
    try:
        np.testing.assert_allclose(fitted.set_params(limit=4.0).anomaly_score(LATER), before / 4.0, rtol=1e-12)
    finally:
        fitted.set_params(limit=1.0)


@each
def test_the_same_rows_give_the_same_detector(detector):
    one, two = fitted_once(detector), clone(detector).fit(NORMAL)
    np.testing.assert_array_equal(one.anomaly_score(LATER), two.anomaly_score(LATER))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).anomaly_score(LATER), one.anomaly_score(LATER))


@each
def test_an_offset_of_a_million_deviations_changes_nothing_to_speak_of(detector):
    offset = 1e6 * np.arange(1, 10)
    plain, moved = fitted_once(detector), clone(detector).fit(NORMAL + offset)
    near, far = plain.anomaly_score(LATER), moved.anomaly_score(LATER + offset)
    assert np.corrcoef(near, far)[0, 1] > 0.99


@each
def test_a_column_that_never_varied_does_no_harm(detector):
    rows = NORMAL.copy()
    rows[:, 4] = 7.0
    fitted = clone(detector).fit(rows)
    assert np.isfinite(fitted.anomaly_score(rows)).all()
