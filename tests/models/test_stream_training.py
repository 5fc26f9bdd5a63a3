from __future__ import annotations

import numpy as np
import pytest

from models.calibrate import episodes
from models.detectors.largest import LargestDeviationDetector
from models.detectors.smoothing import Smoothing
from models.errors import TrainingRefused
from models.stream_training import fit_stream

SECOND, MINUTE = 10**9, 60 * 10**9
TAGS = ("flow", "pressure", "level")
RNG = np.random.default_rng(17)


def plant(n, drift=0.0):
    return 50.0 + RNG.normal(size=(n, 1)) + RNG.normal(size=(n, 3)) + np.linspace(0, drift, n)[:, None]


def test_a_day_of_seconds_cannot_carry_a_budget_and_says_what_it_can():
    trained = fit_stream(plant(2500), TAGS, every_ns=SECOND)
    assert trained.calibration.method == "max_times_margin"
    assert any("cannot carry a budget of 1 false alarms a day" in doubt for doubt in trained.doubts)
    score = trained.detector.anomaly_score(plant(2500))
    assert np.nanmax(score) <= 1.0
    fault = plant(300)
    fault[200:, 1] += 6.0
    assert trained.detector.anomaly_score(fault)[225:].min() > 1.0


def test_a_recording_that_can_carry_it_keeps_the_budget_on_rows_it_never_saw():
    simple = LargestDeviationDetector(features_per_tag=3)
    options = {"every_ns": 30 * MINUTE, "budget_per_day": 0.2, "detector": simple, "smoothing": Smoothing(6, 4)}
    trained = fit_stream(plant(4000), TAGS, **options)
    assert trained.calibration.method == "budget"
    assert trained.doubts == ()
    later = trained.detector.anomaly_score(plant(4000))
    days = 4000 / 48
    assert 0.02 < episodes(later > 1.0) / days < 0.5


def test_too_few_rows_are_refused_and_few_are_warned_of():
    with pytest.raises(TrainingRefused, match="at least 400 windows of each asset"):
        fit_stream(plant(399), TAGS, every_ns=SECOND)
    assert any("600 rows; from 2000 on" in doubt for doubt in fit_stream(plant(600), TAGS, every_ns=SECOND).doubts)


def test_a_plant_that_is_still_warming_up_is_told_of():
    trained = fit_stream(plant(2500, drift=15.0), TAGS, every_ns=SECOND)
    assert any("drifts by" in doubt for doubt in trained.doubts)


def test_a_tag_that_was_often_missing_is_refused():
    rows = plant(2500)
    rows[500:1500, 1] = np.nan
    with pytest.raises(TrainingRefused, match="pressure 4"):
        fit_stream(rows, TAGS, every_ns=SECOND)


def test_a_centre_that_follows_is_gated_at_the_limit():
    trained = fit_stream(plant(2500), TAGS, every_ns=SECOND, follow_rows=300)
    drifted = plant(3000, drift=6.0)
    assert (trained.detector.anomaly_score(drifted)[20:] > 1.0).mean() < 0.05
    still = fit_stream(plant(2500), TAGS, every_ns=SECOND)
    assert (still.detector.anomaly_score(drifted)[20:] > 1.0).mean() > 0.3
    assert trained.detector.gate == 1.0
