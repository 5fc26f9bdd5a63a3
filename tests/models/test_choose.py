"""`auto`: which detector, by what the rows themselves show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.choose import distinct_modes
from models.estimator import AnomalyModel
from models.feature_rows import FeatureRows
from models.features import STANDARD, VIBRATION

TAGS = ("flow", "pressure", "level")


def steady(n, seed=3):
    rng = np.random.default_rng(seed)
    return 50.0 + rng.normal(size=(n, 1)) + rng.normal(size=(n, 3))


def switched(n, seed=3, *, apart=30.0, turns=8):
    """A plant that runs now in this mode of operation, now in that."""
    mode = np.arange(n) * turns // n % 2
    return steady(n, seed) + apart * mode[:, None] * np.array([1.0, -0.5, 0.0])


def ramp(n):
    return steady(n) + np.linspace(0.0, 60.0, n)[:, None]


def chosen(table, **changes):
    model = AnomalyModel(**changes).fit(FeatureRows.from_array(table, tags=TAGS))
    return model.fitted_.name, model.why_


def test_the_suite_is_the_default():
    name, why = chosen(steady(3000))
    assert (name, why[:26]) == ("suite", "the suite is the default; ")


def test_few_rows_are_judged_one_by_one():
    name, why = chosen(steady(450))
    assert name == "mahalanobis"
    assert why == "360 windows of each asset to learn from, and the suite needs 400"


def test_a_plant_of_several_modes_gets_a_mixture_and_the_space_between_them_is_no_home():
    table = switched(1200)
    name, why = chosen(table)
    assert (name, why) == ("mixture", "the plant was in each of 2 separate modes of operation more than once")
    model = AnomalyModel().fit(FeatureRows.from_array(table, tags=TAGS))
    between = np.array([[65.0, 42.5, 50.0]])
    assert model.predict(between).tolist() == [-1]
    assert (model.predict(switched(300, seed=8)) == 1).mean() > 0.99


def test_what_looks_like_modes_and_is_none():
    for table in (steady(1200), ramp(1200), switched(1200, turns=2), switched(1200, apart=2.0)):
        assert distinct_modes(FeatureRows.from_array(table, tags=TAGS)) == 1
    once = steady(1200)
    once[500:540] += 40.0  # a single visit
    assert distinct_modes(FeatureRows.from_array(once, tags=TAGS)) == 1


def test_a_set_without_levels_is_judged_window_by_window():
    rng = np.random.default_rng(5)
    plain = FeatureRows.from_array(steady(600), tags=TAGS)
    values = np.abs(rng.normal(2.0, 0.1, (600, 3, len(VIBRATION.features))))
    rows = replace(plain, values=values, feature_set=VIBRATION, features=VIBRATION.features)
    model = AnomalyModel().fit(rows)
    assert model.fitted_.name == "mahalanobis"
    assert model.why_ == "feature set vibration has no level of each tag, so each window is judged by itself"


def test_a_suite_that_learnt_the_recording_and_not_the_plant_gives_way(monkeypatch):
    """Which recordings those are is hard to make up; the rule itself is shown with the limit of the ratio lowered."""
    table = steady(600)
    suite = AnomalyModel("suite").fit(FeatureRows.from_array(table, tags=TAGS)).fitted_.calibration
    other = AnomalyModel("mahalanobis").fit(FeatureRows.from_array(table, tags=TAGS)).fitted_.calibration
    assert other.heldout_over_in_sample < suite.heldout_over_in_sample
    limit = (other.heldout_over_in_sample + suite.heldout_over_in_sample) / 2
    monkeypatch.setattr("models.choose.MAX_RATIO", limit)
    name, why = chosen(table)
    assert name == "mahalanobis"
    ratios = f"{other.heldout_over_in_sample:.1f}, and of the suite {suite.heldout_over_in_sample:.1f}"
    assert why == f"held-out over in-sample scores: {ratios}"


def test_features_of_the_set_that_is_served_are_kept():
    plain = FeatureRows.from_array(steady(600), tags=TAGS)
    wide = np.repeat(plain.values, len(STANDARD.features), axis=2) + 0.1
    rows = replace(plain, values=wide, feature_set=STANDARD, features=STANDARD.features)
    fitted = AnomalyModel().fit(rows).fitted_
    assert fitted.kept.features == ("mean",)
    assert fitted.kept.feature_set is STANDARD
