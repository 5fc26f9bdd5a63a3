from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from models.detectors.mahalanobis import MahalanobisDetector

RNG = np.random.default_rng(3)
NORMAL = RNG.normal(size=(300, 6)) @ RNG.normal(size=(6, 6)) + 20.0


@parametrize_with_checks([MahalanobisDetector()])
def test_it_keeps_the_habits_of_scikit_learn(estimator, check):
    check(estimator)


def test_scores_are_the_squared_distance_of_scikit_learn_over_the_limit():
    scaler = StandardScaler().fit(NORMAL)
    z = scaler.transform(NORMAL)
    want = LedoitWolf(assume_centered=True).fit(z).mahalanobis(z) / 7.0
    got = MahalanobisDetector(limit=7.0).fit(NORMAL).anomaly_score(NORMAL)
    np.testing.assert_allclose(got, want, rtol=1e-9)


def test_a_limit_scales_the_scores_and_needs_no_new_fit():
    detector = MahalanobisDetector().fit(NORMAL)
    before = detector.anomaly_score(NORMAL)
    np.testing.assert_allclose(detector.set_params(limit=4.0).anomaly_score(NORMAL), before / 4.0, rtol=1e-12)


def test_higher_is_more_anomalous_and_predict_agrees():
    detector = MahalanobisDetector(limit=50.0).fit(NORMAL)
    far = detector.centre_ + np.linspace(0, 100, 50)[:, None] * detector.scale_
    scores = detector.anomaly_score(far)
    assert (np.diff(scores) > 0).all()
    np.testing.assert_array_equal(detector.predict(far) == -1, scores > 1.0)


def test_a_row_with_a_hole_has_no_score_and_cannot_be_called_normal():
    detector = MahalanobisDetector(limit=1e9).fit(NORMAL)
    rows = NORMAL[:3].copy()
    rows[1, 4] = np.nan
    assert np.isnan(detector.anomaly_score(rows)).tolist() == [False, True, False]
    with pytest.raises(ValueError, match="NaN"):
        detector.predict(rows)


@pytest.mark.parametrize("noise", [0.0, 1e-15, 1e-13])
def test_a_feature_that_is_constant_by_nature_may_move_a_little(noise):
    level = 50.0 + RNG.normal(size=300)
    constant = noise * RNG.normal(size=300)  # the rounding errors of a feature that is 0 by nature
    detector = MahalanobisDetector(features_per_tag=2).fit(np.column_stack([level, constant]))
    assert detector.constant_.tolist() == [False, True]
    assert detector.anomaly_score([[50.0, 0.1]])[0] < 1.0


def test_a_sensor_that_sticks_is_seen():
    level, spread = 50.0 + RNG.normal(size=300), 0.5 + 0.02 * RNG.normal(size=300)
    detector = MahalanobisDetector(features_per_tag=2).fit(np.column_stack([level, spread]))
    healthy = detector.anomaly_score(np.column_stack([level, spread])).max()
    assert detector.anomaly_score([[50.0, 0.0]])[0] > 10 * healthy


def test_rows_that_never_vary_can_be_learnt_and_a_change_is_seen():
    detector = MahalanobisDetector(limit=9.0).fit(np.full((30, 2), 1500.0))
    assert detector.anomaly_score([[1500.0, 1500.0], [1501.0, 1500.0], [1600.0, 1500.0]]).round(3).tolist() == [
        0.0,
        0.0,
        4.938,
    ]


def test_columns_that_are_copies_of_each_other_do_no_harm():
    detector = MahalanobisDetector().fit(np.repeat(NORMAL, 3, axis=1))
    assert np.isfinite(detector.anomaly_score(np.repeat(NORMAL, 3, axis=1))).all()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6))
def test_every_finite_row_has_a_finite_score(row):
    detector = MahalanobisDetector(features_per_tag=3).fit(NORMAL)
    with np.errstate(over="ignore"):
        assert np.isfinite(detector.anomaly_score([row])).all()
        assert np.isfinite(detector.contributions([row])).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6))
def test_contributions_are_shares(row):
    shares = MahalanobisDetector(features_per_tag=3).fit(NORMAL).contributions([row])
    assert shares.shape == (1, 2)
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-12)


def test_the_tag_that_moved_contributes_most():
    independent = RNG.normal(size=(300, 6))
    detector = MahalanobisDetector(features_per_tag=2).fit(independent)
    row = np.zeros((1, 6))
    row[0, 3] = 8.0
    assert detector.contributions(row)[0, 1] > 0.9


def test_a_row_at_the_centre_blames_everybody_alike():
    detector = MahalanobisDetector(features_per_tag=2).fit(NORMAL)
    np.testing.assert_allclose(detector.contributions([detector.centre_]), 1 / 3, rtol=1e-9)


def test_columns_that_do_not_divide_into_tags_are_refused():
    with pytest.raises(ValueError, match="6 columns: must be a multiple of features_per_tag = 4"):
        MahalanobisDetector(features_per_tag=4).fit(NORMAL)


def test_a_spread_that_falls_to_nothing_is_as_far_as_one_that_grows_a_thousandfold() -> None:
    rng = np.random.default_rng(4)
    rows = np.column_stack([rng.normal(50.0, 1.0, 200), 0.5 * np.exp(0.1 * rng.normal(size=200))])
    plain = MahalanobisDetector(features_per_tag=2).fit(rows)
    logged = MahalanobisDetector(features_per_tag=2, log_features=(1,)).fit(rows)
    stuck, wild = [50.0, 0.0], [50.0, 500.0]
    assert logged.anomaly_score([stuck])[0] > 40 * plain.anomaly_score([stuck])[0]
    assert 0.5 < logged.anomaly_score([stuck])[0] / logged.anomaly_score([wild])[0] < 2
    assert logged.anomaly_score([[51.0, 0.5]])[0] == pytest.approx(plain.anomaly_score([[51.0, 0.5]])[0], rel=0.2)


def test_a_spread_that_was_always_nothing_may_move_a_little() -> None:
    rows = np.column_stack([np.random.default_rng(4).normal(50.0, 1.0, 200), np.zeros(200)])
    detector = MahalanobisDetector(features_per_tag=2, log_features=(1,)).fit(rows)
    assert detector.constant_.tolist() == [False, True]
    assert detector.anomaly_score([[50.0, 0.1]])[0] < 0.1
