"""What every detector of single tags must do, and then what each of them is for."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from models.detectors.ewma_residual import EwmaResidualDetector
from models.detectors.level_shift import LevelShiftDetector
from models.detectors.mean_shift import MeanShiftDetector
from models.detectors.missing import MissingDetector
from models.detectors.range_novelty import RangeNoveltyDetector
from models.detectors.stuck import StuckDetector
from models.detectors.tag_suite import TagSuiteDetector

RNG = np.random.default_rng(12)
NORMAL = 50.0 + RNG.normal(size=(600, 3))
LATER = 50.0 + RNG.normal(size=(200, 3))


def with_fault(kind):
    rows = LATER.copy()
    if kind == "spike":
        rows[120, 1] += 30.0
    elif kind == "shift":
        rows[120:, 1] += 6.0
    elif kind == "rest":
        rows[120:, 1] = rows[119, 1]
    elif kind == "gap":
        rows[120:, 1] = np.nan
    return rows


WHAT = [
    (RangeNoveltyDetector(), "spike"),
    (EwmaResidualDetector(), "spike"),
    (LevelShiftDetector(), "shift"),
    (MeanShiftDetector(), "shift"),
    (TagSuiteDetector(), "spike"),
    (TagSuiteDetector(), "shift"),
    (StuckDetector(), "rest"),
    (MissingDetector(), "gap"),
]
each = pytest.mark.parametrize(("detector", "kind"), WHAT, ids=[f"{type(d).__name__}-{k}" for d, k in WHAT])


@each
def test_it_finds_what_it_is_for_and_blames_the_tag(detector, kind):
    fitted = clone(detector).fit(NORMAL)
    score = fitted.anomaly_score(with_fault(kind))
    assert np.nanmax(score[120:]) > max(1.5 * np.nanmax(score[:120]), 0.1)
    worst = 120 + int(np.nanargmax(score[120:]))
    assert fitted.contributions(with_fault(kind))[worst].tolist() == [0.0, 1.0, 0.0]


@each
def test_what_comes_later_changes_no_bit_of_what_was_scored(detector, kind):
    fitted = clone(detector).fit(NORMAL)
    whole = fitted.tag_scores(with_fault(kind))
    for n in (1, 2, 31, 150):
        np.testing.assert_array_equal(fitted.tag_scores(with_fault(kind)[:n]), whole[:n])


@each
def test_a_hole_in_one_tag_changes_no_other_and_is_outlived(detector, kind):
    fitted = clone(detector).fit(NORMAL)
    rows = LATER.copy()
    rows[50:52, 1] = np.nan
    plain, holed = fitted.tag_scores(LATER), fitted.tag_scores(rows)
    np.testing.assert_array_equal(holed[:, [0, 2]], plain[:, [0, 2]])
    assert np.isfinite(np.delete(holed, [50, 51], axis=0)).all()
    assert np.isnan(holed[50:52, 1]).all() != isinstance(detector, MissingDetector)
    assert np.isfinite(fitted.anomaly_score(rows)).all()


@pytest.mark.parametrize("detector", [d for d, _ in WHAT if not isinstance(d, MissingDetector)], ids=repr)
def test_what_is_missing_is_skipped_as_if_it_had_never_been(detector):
    fitted = clone(detector).fit(NORMAL)
    rows = with_fault("shift")
    holed = np.insert(rows, [3, 3, 40, 130, 130, 130], np.nan, axis=0)
    got = fitted.tag_scores(holed)
    np.testing.assert_array_equal(got[np.isfinite(holed[:, 0])], fitted.tag_scores(rows))


def test_the_suite_is_the_larger_of_its_members():
    rows = with_fault("shift")
    ranges, shifts = RangeNoveltyDetector().fit(NORMAL), LevelShiftDetector().fit(NORMAL)
    want = np.fmax(ranges.tag_scores(rows), shifts.tag_scores(rows))
    np.testing.assert_array_equal(TagSuiteDetector().fit(NORMAL).tag_scores(rows), want)
    assert ((shifts.tag_scores(rows) > ranges.tag_scores(rows)) & (want > 0)).any()


@each
def test_a_tag_that_never_had_a_value_or_never_moved_does_no_harm(detector, kind):
    rows = NORMAL.copy()
    rows[:, 0], rows[:, 2] = 7.0, np.nan
    fitted = clone(detector).fit(rows)
    later = with_fault(kind)
    later[:, 0], later[:, 2] = 7.0, np.nan
    score = fitted.tag_scores(later)
    assert (score[:, 0] == 0.0).all()
    assert np.nanmax(score[:, 1]) > 0.1


@each
def test_a_limit_scales_the_scores_and_needs_no_new_fit(detector, kind):
    fitted = clone(detector).fit(NORMAL)
    before = fitted.tag_scores(with_fault(kind))
    np.testing.assert_allclose(fitted.set_params(limit=4.0).tag_scores(with_fault(kind)), before / 4.0, rtol=1e-12)


def test_no_score_where_no_tag_has_one():
    fitted = RangeNoveltyDetector().fit(NORMAL)
    rows = np.full((2, 3), np.nan)
    assert np.isnan(fitted.anomaly_score(rows)).all()
    assert np.isnan(fitted.contributions(rows)).all()


def test_range_novelty_counts_ranges_and_learns_as_it_goes():
    fitted = RangeNoveltyDetector().fit([[0.0], [10.0]])
    assert fitted.anomaly_score([[5.0], [15.0], [15.0], [-15.0], [30.0]]).tolist() == [0.0, 0.5, 0.0, 1.0, 0.5]


def test_range_novelty_of_a_tag_that_stood_still_counts_percents():
    assert RangeNoveltyDetector().fit([[200.0], [200.0]]).anomaly_score([[203.0]])[0] == pytest.approx(1.5)


def test_the_ewma_residual_is_in_squared_deviations_of_training():
    rows = NORMAL[:, :1]
    fitted = EwmaResidualDetector(span=9).fit(rows)
    assert fitted.anomaly_score(rows).mean() == pytest.approx(1.0)
    assert fitted.anomaly_score([[3.0], [3.0 + 2.0 * fitted.deviation_[0]]])[1] == pytest.approx(4.0)


def test_a_level_shift_is_measured_against_the_largest_there_was():
    fitted = LevelShiftDetector(short=2, long=9).fit([[0.0], [0.0], [0.0], [4.0], [0.0]])
    assert fitted.largest_[0] == 2.0  # mean of 0 and 4 against an EWMA of 0
    assert fitted.anomaly_score([[0.0], [0.0], [0.0], [6.0], [6.0]]).tolist() == [0.0, 0.0, 0.0, 0.5, 1.0]


def test_a_mean_shift_is_told_when_it_happens_and_is_over_when_it_has_happened():
    fitted = MeanShiftDetector(short=2, long=3).fit(NORMAL[:, :1])
    fitted.deviation_[:] = 2.0
    score = fitted.anomaly_score(np.array([0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4], dtype=float)[:, None])
    assert score.round(6).tolist() == [0, 0, 0, 0, 0, 1.0, 4.0, round((8 / 6) ** 2, 6), round((4 / 6) ** 2, 6), 0, 0, 0]


def test_a_mean_shift_is_measured_in_those_of_training():
    rows = NORMAL[:, :1]
    fitted = MeanShiftDetector().fit(rows)
    assert fitted.anomaly_score(rows)[79:].mean() == pytest.approx(1.0)
    assert MeanShiftDetector().fit(rows + 1e9).deviation_ == pytest.approx(fitted.deviation_, rel=1e-6)


def test_a_rest_is_measured_against_the_longest_there_was():
    quantised = np.repeat(np.arange(40.0), 5)[:, None]  # rests of 4 rows are its nature
    fitted = StuckDetector(factor=3.0, least=10).fit(quantised)
    assert fitted.rest_.tolist() == [12.0]
    assert fitted.anomaly_score(np.zeros((13, 1)))[[0, 6, 12]].tolist() == [0.0, 0.5, 1.0]


def test_a_set_point_may_rest():
    steps = np.repeat([[1.0], [2.0]], 50, axis=0)
    assert not StuckDetector().fit(steps).anomaly_score(np.ones((5000, 1))).any()


def test_a_gap_is_measured_against_the_longest_there_was():
    rows = np.ones((60, 1))
    rows[10:14] = np.nan
    fitted = MissingDetector(factor=3.0, least=5).fit(rows)
    assert fitted.anomaly_score(np.full((12, 1), np.nan))[[0, 5, 11]].tolist() == [1 / 12, 0.5, 1.0]
