"""What holds of every detector that is calibrated, and of every recording that cannot carry one."""

from __future__ import annotations

import numpy as np
import pytest

from models.calibrate import episodes, limit_of
from models.detectors.catalogue import KINDS, Wish
from models.errors import TrainingRefused
from models.feature_rows import FeatureRows
from models.fitting import Options, fit
from models.held_out import held_out

TAGS = ("flow", "pressure", "level")
SLOW = {"autoencoder", "forest", "svm", "knn", "mixture"}
QUICK = [name for name in KINDS if name not in SLOW]


def table(n, *, every_s=1.0, drift=0.0, seed=17):
    rng = np.random.default_rng(seed)
    values = 50.0 + rng.normal(size=(n, 1)) + rng.normal(size=(n, 3)) + np.linspace(0.0, drift, n)[:, None]
    return FeatureRows.from_array(values, tags=TAGS, every_s=every_s)


@pytest.mark.parametrize("name", [*QUICK, "knn"])
def test_nothing_is_fitted_or_calibrated_on_the_hold_out(name):
    """Whatever happens there changes neither the detector nor its limit."""
    plain, other = table(700), table(700)
    other.values[600:] += 0.3
    one, two = fit(name, plain, Options()), fit(name, other, Options())
    assert one.calibration == two.calibration
    np.testing.assert_array_equal(one.kept_scores, two.kept_scores)
    assert len(one.kept) <= 560 - 1


@pytest.mark.parametrize("name", QUICK)
def test_a_short_recording_cannot_carry_the_budget_and_every_detector_says_so(name):
    fitted = fit(name, table(700), Options())
    assert fitted.calibration.method == "max_times_margin"
    assert any("cannot carry a budget of 1 false alarms a day" in said for said in fitted.warnings)
    assert fitted.summary.above == 0.0


@pytest.mark.parametrize("name", QUICK)
def test_a_long_one_keeps_the_budget_on_rows_nobody_saw(name):
    """Half an hour a row: 3,200 rows are 67 days, and a budget of one in five days allows 13 episodes."""
    fitted = fit(name, table(4000, every_s=1800.0), Options(budget_per_day=0.2))
    assert fitted.calibration.method == "budget"
    assert fitted.calibration.false_alarms_per_day_at_most <= 0.2
    days = len(fitted.later_scores) / 48
    assert episodes(fitted.later_scores > 1.0) / days <= 0.6  # 3 or so are expected, Poisson
    assert not any("cannot carry" in said for said in fitted.warnings)


@pytest.mark.parametrize("name", ["pca", "suite", "level_shift"])
def test_scores_of_several_assets_are_held_out_together_and_counted_apart(name):
    """Rows of two assets take turns: a long episode of one is one, and not one a row."""
    one, two = table(900), table(900, seed=18)
    one.values[500:520] += 9.0
    mixed = FeatureRows(
        values=np.stack([one.values, two.values], axis=1).reshape(-1, 3, 1),
        starts=np.repeat(one.starts, 2),
        assets=np.tile([0, 1], 900),
        tags=TAGS,
        feature_set=one.feature_set,
        window_length_ns=one.window_length_ns,
        window_every_ns=one.window_every_ns,
    )
    heldout = held_out(KINDS[name].make(Wish()), mixed, 60)
    assert len(heldout.scores) == 2
    high = heldout.scores[1].max()
    assert episodes(heldout.scores[0] > high) in range(1, 6)
    limits = [
        limit_of(
            scores, in_sample=1.0, blocks=4, embargo=2, every_ns=3600 * 10**9, budget_per_day=0.3, margin=1.5
        ).limit
        for scores in (heldout.scores, [np.stack(heldout.scores, axis=1).reshape(-1)])
    ]
    assert limits[0] <= limits[1]


def test_a_warming_plant_is_warned_of_and_the_suite_follows_it():
    warming = table(3000, drift=4.0)
    still, follows = fit("suite", warming, Options(follow_rows=None)), fit("suite", warming, Options())
    for fitted in (still, follows):
        assert any("drifts by" in said for said in fitted.warnings)
    assert follows.summary.median < still.summary.median
    assert follows.calibration == still.calibration  # the limit is that of a centre that stays


def test_a_recording_whose_end_is_another_plant_is_refused():
    rows = table(1000)
    rows.values[800:] += 30.0
    for name in ("suite", "mahalanobis", "lagged"):
        with pytest.raises(TrainingRefused, match=r"holdout = 100.0%.*not like its beginning"):
            fit(name, rows, Options())


@pytest.mark.parametrize("name", list(KINDS))
def test_too_few_rows_are_refused_with_what_would_be_enough(name):
    with pytest.raises(TrainingRefused, match=r"rows = \d+: at least \d+ windows"):
        fit(name, table(22), Options())


def test_the_suite_wants_twenty_windows_of_its_own():
    with pytest.raises(TrainingRefused, match="at least 400 windows of each asset"):
        fit("suite", table(400), Options())
    assert any("rows; from 2000 on" in said for said in fit("suite", table(700), Options()).warnings)


@pytest.mark.parametrize("name", ["suite", "mahalanobis", "lagged", "range_novelty"])
def test_a_tag_that_was_often_missing_is_refused_and_one_that_seldom_was_is_told(name):
    often, seldom = table(900), table(900)
    often.values[100:400, 1] = np.nan
    seldom.values[100:130, 1] = np.nan
    with pytest.raises(TrainingRefused, match="pressure 33%"):
        fit(name, often, Options())
    fitted = fit(name, seldom, Options())
    assert any("3.3% of the rows have a tag without a value" in said for said in fitted.warnings)
    assert fitted.skipped == (30 if name == "mahalanobis" else 0)


def test_a_tag_that_never_moved_is_told():
    rows = table(700)
    rows.values[:, 2] = 7.0
    for name in ("suite", "pca", "stuck"):
        assert any("constant all the time: level" in said for said in fit(name, rows, Options()).warnings)


def test_a_limit_is_never_nothing():
    """No value was ever missing: one unit of the detector is the limit then, and not a hole of one row."""
    fitted = fit("missing", table(700), Options())
    assert fitted.calibration.limit == 1.0
    gone = table(60)
    gone.values[30:, 0] = np.nan
    score = fitted.detector.anomaly_score(gone.flat)
    assert (score > 1.0).tolist() == [False] * 35 + [True] * 25
