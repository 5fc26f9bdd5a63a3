from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detectors.lagged import DynamicPcaDetector, lagged
from models.detectors.pca import PcaDetector
from models.detectors.smoothing import Smoothing
from models.detectors.stream import StreamDetector

RNG = np.random.default_rng(8)
NORMAL = 50.0 + RNG.normal(size=(600, 1)) + RNG.normal(size=(600, 4))
LATER = 50.0 + RNG.normal(size=(150, 1)) + RNG.normal(size=(150, 4))
SHORT = Smoothing(span=6, window=4, hold=2)
ANY = np.array([[-np.inf] * 4, [np.inf] * 4])
STREAMS = {
    "suite": StreamDetector().fit(NORMAL),
    "suite that follows": StreamDetector(follow_rows=50, gate=3.0).fit(NORMAL),
    "pca": StreamDetector(PcaDetector(features_per_tag=3), SHORT).fit(NORMAL),
    "dynamic pca": DynamicPcaDetector(lags=2).fit(NORMAL),
}
STATEFUL = ["suite", "suite that follows", "pca"]


def holed(rows):
    rows = rows.copy()
    rows[50:53, 1] = np.nan
    rows[90:110, 2] = np.nan
    return rows


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("rows", [LATER, holed(LATER)], ids=["whole", "holed"])
def test_what_comes_later_changes_no_bit_of_what_was_scored(name, rows):
    whole = STREAMS[name].anomaly_score(rows)
    for n in (1, 2, 31, 100):
        np.testing.assert_array_equal(STREAMS[name].anomaly_score(rows[:n]), whole[:n])


@pytest.mark.parametrize("name", STATEFUL)
def test_row_by_row_and_several_assets_at_once_are_the_same_to_the_last_bit(name):
    detector, other = STREAMS[name], LATER[::-1]
    state = detector.start(assets=2)
    stepped = np.empty((len(LATER), 2))
    for at in range(len(LATER)):
        stepped[at], state = detector.step(np.stack([LATER[at], other[at]]), state)
    np.testing.assert_array_equal(stepped[:, 0], detector.anomaly_score(LATER))
    np.testing.assert_array_equal(stepped[:, 1], detector.anomaly_score(other))


def test_there_is_no_score_before_the_window_is_full_and_one_ever_after():
    score = STREAMS["suite"].anomaly_score(LATER)
    assert np.isnan(score[:19]).all()
    assert np.isfinite(score[19:]).all()


def test_a_short_gap_is_held_over_and_a_long_one_is_said_and_outlived():
    rows = LATER.copy()
    rows[50:55, 1] = np.nan  # as many as are held
    assert np.isfinite(STREAMS["suite"].anomaly_score(rows)[19:]).all()
    rows[55, 1] = np.nan  # one more
    silent = np.flatnonzero(np.isnan(STREAMS["suite"].anomaly_score(rows)[19:])) + 19
    assert (silent[0], silent[-1]) == (55, 74)  # until the hole has left the window


def test_a_fault_is_found_and_higher_is_more_anomalous():
    rows = LATER.copy()
    rows[100:, 2] += 8.0
    score = STREAMS["suite"].anomaly_score(rows)
    assert np.nanmax(score[:100]) < score[105:].min()


def test_a_centre_that_follows_forgets_a_slow_drift_and_not_a_fault():
    drift = np.vstack([LATER] * 6) + np.linspace(0, 6, 900)[:, None]
    still, follows = STREAMS["suite"], STREAMS["suite that follows"]
    assert follows.anomaly_score(drift)[-100:].mean() < 0.3 * still.anomaly_score(drift)[-100:].mean()
    fault = np.vstack([LATER] * 6)
    fault[300:] += 10.0
    assert follows.anomaly_score(fault)[320:].min() > 3.0


def test_smoothing_is_what_it_says():
    rows = LATER[:40]
    alpha, ewma = 2 / 7, rows[0].copy()
    smoothed = SHORT.smooth(rows, ANY).reshape(40, 4, 3)
    assert np.isnan(smoothed[:3]).all()
    for at in range(1, 40):
        ewma += alpha * (rows[at] - ewma)
        if at >= 3:
            window = rows[at - 3 : at + 1]
            np.testing.assert_allclose(smoothed[at].T, [ewma, window.mean(axis=0), window.std(axis=0)], rtol=1e-12)


def test_the_ewma_takes_a_wild_value_as_one_that_is_just_far_and_so_forgets_it_soon():
    smoothing = Smoothing()
    bounds = smoothing.bounds(NORMAL)
    np.testing.assert_allclose(bounds[1] - bounds[0], 12.0 * NORMAL.std(axis=0))
    wild, far = np.vstack([LATER, LATER[:100]]), np.vstack([LATER, LATER[:100]])
    wild[100:150, 2], far[100:150, 2] = 1e9, bounds[1, 2]
    of_wild, of_far = smoothing.smooth(wild, bounds), smoothing.smooth(far, bounds)
    np.testing.assert_array_equal(of_wild[:, 6], of_far[:, 6])
    assert of_wild[120, 7] > 1e6 * of_far[120, 7]  # the mean says how far
    score = STREAMS["suite"].anomaly_score(wild)
    assert (score[100:150] > 1).all()
    assert (score[205:] < 1).all()


def test_a_tag_that_stood_still_or_was_never_seen_is_taken_as_it_comes():
    rows = np.column_stack([np.full(9, 3.0), np.full(9, np.nan), np.arange(9.0)])
    bounds = Smoothing(reach=2.0).bounds(rows)
    np.testing.assert_array_equal(bounds[:, :2], [[-np.inf] * 2, [np.inf] * 2])
    np.testing.assert_allclose(bounds[:, 2], 4.0 + np.array([-2.0, 2.0]) * np.arange(9).std())


@settings(max_examples=30)
@given(st.lists(st.sampled_from([1.0, 2.0, np.nan]), min_size=1, max_size=25))
def test_a_row_is_smoothed_where_no_value_of_the_window_is_missing_for_longer_than_it_is_held(values):
    smoothed = SHORT.smooth(np.array(values)[:, None], ANY[:, :1])[:, 0]
    missing, usable = 0, []
    for at, value in enumerate(values):
        missing = missing + 1 if np.isnan(value) else 0
        usable.append(missing <= SHORT.hold and bool(np.isfinite(values[: at + 1]).any()))
    want = [at >= 3 and all(usable[at - 3 : at + 1]) for at in range(len(values))]
    assert np.isfinite(smoothed).tolist() == want


def test_fit_refuses_rows_that_leave_nothing_to_learn_from():
    with pytest.raises(ValueError, match="25 rows: 2 must be left"):
        StreamDetector().fit(np.where(np.arange(25)[:, None] > 9, np.nan, 1.0))
    with pytest.raises(ValueError, match="3 rows: 2 must be left after the first 2"):
        DynamicPcaDetector(lags=2).fit(np.ones((3, 2)))


def test_lags_stand_beside_their_tag_newest_first():
    rows = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    np.testing.assert_array_equal(lagged(rows, 1)[1:], [[2, 1, 20, 10], [3, 2, 30, 20]])
    assert np.isnan(lagged(rows, 1)[0]).any()


def test_dynamic_pca_sees_a_change_in_timing_that_pca_cannot():
    wave = RNG.normal(size=2001)
    train = np.column_stack([wave[1:], wave[:-1]]) + 0.05 * RNG.normal(size=(2000, 2))  # the second follows the first
    swapped = train[:, ::-1]
    plain, dynamic = PcaDetector().fit(train), DynamicPcaDetector(lags=1).fit(train)
    assert np.median(plain.anomaly_score(swapped)) < 2 * np.median(plain.anomaly_score(train))
    assert np.nanmedian(dynamic.anomaly_score(swapped)) > 5 * np.nanmedian(dynamic.anomaly_score(train))
    assert dynamic.contributions(train).shape == (2000, 2)


@pytest.mark.parametrize("name", STREAMS)
def test_a_row_without_a_score_is_never_called_normal(name):
    detector, rows = STREAMS[name], holed(LATER)
    score, verdict = detector.anomaly_score(rows), detector.predict(rows)
    assert np.isnan(score).any()
    np.testing.assert_array_equal(verdict == 1, score <= 1.0)
    np.testing.assert_array_equal(detector.score_samples(rows), -score)


def test_smoothing_all_rows_at_once_is_smoothing_them_one_by_one_to_the_last_bit():
    rows = holed(LATER)
    rows[:3, 3] = np.nan
    bounds = SHORT.bounds(NORMAL) / 1.5
    state, stepped = SHORT.start(4), []
    for row in rows:
        one, state = SHORT.step(row[None], state, bounds)
        stepped.append(one.reshape(-1))
    np.testing.assert_array_equal(SHORT.smooth(rows, bounds), np.stack(stepped))
