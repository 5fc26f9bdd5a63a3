from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detectors.forest import ForestDetector
from models.export.door import export as export_any
from models.export.trees import floor32
from models.onnx_scorer import open_session
from models.onnx_wire import inspect

TAGS, FEATURES = ("a", "b"), ("mean", "std", "max")
RNG = np.random.default_rng(11)
OFFSETS = np.array([0.0, 1e7, -1e7, 3.0, 1e7, 1e-3])
# Quantised, as sensors are: rows then lie exactly on thresholds.
NORMAL = np.round(RNG.normal(size=(300, 6)) @ RNG.normal(size=(6, 6)) * 4) / 4 + OFFSETS
DETECTOR = ForestDetector(trees=25, features_per_tag=3, limit=0.6).fit(NORMAL)


def export():
    return export_any(DETECTOR, name="f", version="1", tags=TAGS, features=FEATURES).model


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return open_session(export(), tmp_path_factory.mktemp("f"))


def run(session, rows):
    return session.run(["score", "contributions"], {"rows": np.asarray(rows, dtype=np.float64)})


def test_the_graph_scores_and_blames_as_the_reference(session):
    rows = np.concatenate([NORMAL, NORMAL + 3 * DETECTOR.scale_, NORMAL[::-1] - 1e7 * DETECTOR.scale_])
    score, contributions = run(session, rows)
    np.testing.assert_allclose(score, DETECTOR.anomaly_score(rows), rtol=1e-5)
    np.testing.assert_allclose(contributions, DETECTOR.contributions(rows), atol=1e-4)


def test_a_forest_of_few_rows_is_the_same_too(tmp_path):
    few = ForestDetector(trees=7, rows_per_tree=2, features_per_tag=3).fit(NORMAL[:9])
    session = open_session(export_any(few, name="f", version="1", tags=TAGS, features=FEATURES).model, tmp_path)
    np.testing.assert_allclose(run(session, NORMAL)[0], few.anomaly_score(NORMAL), rtol=1e-5)


@settings(max_examples=50)
@given(st.floats(-1e6, 1e6), st.integers(-3, 3))
def test_a_float32_falls_on_the_same_side_of_the_rounded_threshold(threshold, away):
    value = np.float32(threshold)
    for _ in range(abs(away)):
        value = np.nextafter(value, np.float32(np.inf if away > 0 else -np.inf))
    assert (float(value) <= threshold) == (value <= np.float32(floor32(threshold)))


def test_a_hole_makes_its_own_row_say_nothing_and_touches_no_other(session):
    rows = NORMAL[:4].copy()
    rows[2, 5] = np.nan
    score, contributions = run(session, rows)
    assert np.isnan(score).tolist() == [False, False, True, False]
    assert np.isnan(contributions[2]).all()
    np.testing.assert_array_equal(score[[0, 1, 3]], run(session, NORMAL[[0, 1, 3]])[0])


def test_it_is_one_ensemble_of_standard_operators_and_the_same_bytes_each_time():
    found = inspect(export())
    assert export() == export()
    assert found.domains == {"", "ai.onnx.ml"}
    assert [operator for domain, operator in found.operators if domain] == ["TreeEnsembleRegressor"]
    assert found.nodes <= 30


def test_a_logarithmic_scale_is_the_same_too(tmp_path):
    positive = np.abs(NORMAL) + 0.5
    logged = ForestDetector(trees=9, features_per_tag=3, log_features=(1,)).fit(positive)
    session = open_session(export_any(logged, name="f", version="1", tags=TAGS, features=FEATURES).model, tmp_path)
    np.testing.assert_allclose(run(session, positive)[0], logged.anomaly_score(positive), rtol=1e-5)
