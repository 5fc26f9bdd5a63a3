from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detectors.mahalanobis import MahalanobisDetector
from models.export.door import export as export_any
from models.onnx_scorer import open_session
from models.onnx_wire import inspect

RNG = np.random.default_rng(11)
TAGS, FEATURES = ("a", "b"), ("mean", "std", "max")
# Offsets of 1e7 standard deviations, as totalisers and pressures in Pa have them.
OFFSETS = np.array([0.0, 1e7, -1e7, 3.0, 1e7, 1e-3])
NORMAL = RNG.normal(size=(300, 6)) @ RNG.normal(size=(6, 6)) + OFFSETS
DETECTOR = MahalanobisDetector(features_per_tag=3, limit=30.0).fit(NORMAL)


def export() -> bytes:
    return export_any(DETECTOR, name="m", version="1", tags=TAGS, features=FEATURES).model


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return open_session(export(), tmp_path_factory.mktemp("m"))


def run(session, rows):
    score, contributions = session.run(["score", "contributions"], {"rows": np.asarray(rows, dtype=np.float64)})
    return score, contributions


@given(st.lists(st.lists(st.floats(-1e7, 1e7), min_size=6, max_size=6), min_size=1, max_size=5))
def test_the_graph_scores_as_the_reference(session, deviations):
    rows = DETECTOR.centre_ + np.array(deviations) * DETECTOR.scale_
    score, contributions = run(session, rows)
    np.testing.assert_allclose(score, DETECTOR.anomaly_score(rows), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(contributions, DETECTOR.contributions(rows), atol=1e-6)


def test_on_rows_it_knows_the_graph_is_exact_to_rounding(session):
    score, contributions = run(session, NORMAL)
    np.testing.assert_allclose(score, DETECTOR.anomaly_score(NORMAL), rtol=1e-12)
    np.testing.assert_allclose(contributions, DETECTOR.contributions(NORMAL), rtol=1e-9)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6))
def test_every_finite_row_has_a_finite_score(session, row):
    score, contributions = run(session, [row])
    assert np.isfinite(score).all()
    assert np.isfinite(contributions).all()


def test_a_hole_makes_its_own_row_say_nothing_and_touches_no_other(session):
    rows = NORMAL[:4].copy()
    rows[2, 5] = np.nan
    score, contributions = run(session, rows)
    assert np.isnan(score).tolist() == [False, False, True, False]
    assert np.isnan(contributions[2]).all()
    np.testing.assert_array_equal(score[[0, 1, 3]], run(session, NORMAL[[0, 1, 3]])[0])


def test_a_row_scores_the_same_to_the_last_bit_in_any_batch(session):
    whole, _ = run(session, NORMAL)
    alone = np.concatenate([run(session, NORMAL[at : at + 1])[0] for at in range(len(NORMAL))])
    np.testing.assert_array_equal(alone, whole)


@pytest.mark.parametrize(("tags", "features"), [(1, 1), (1, 3), (3, 1), (7, 3), (13, 12)])
def test_so_does_one_with_an_odd_number_of_columns(tmp_path, tags, features):
    """A row of an odd number of columns lies now on an even address, now on an odd one."""
    rows = RNG.normal(size=(200, tags * features))
    detector = MahalanobisDetector(features_per_tag=features).fit(rows)
    names = {"tags": [f"t{at}" for at in range(tags)], "features": [f"f{at}" for at in range(features)]}
    odd = open_session(export_any(detector, name="m", version="1", **names).model, tmp_path)
    score, shares = run(odd, rows)
    for at in range(len(rows)):
        alone, alone_shares = run(odd, rows[at : at + 1])
        np.testing.assert_array_equal(alone, score[at : at + 1])
        np.testing.assert_array_equal(alone_shares, shares[at : at + 1])


def test_the_alarm_is_what_is_not_known_to_be_normal(session):
    rows = np.concatenate([NORMAL, NORMAL + 20 * DETECTOR.scale_])
    rows[7, 2] = np.nan
    score, alarm = session.run(["score", "alarm"], {"rows": rows})
    np.testing.assert_array_equal(alarm, ~(score <= 1.0))
    assert alarm[7]
    assert 0 < alarm.sum() < len(rows)


def test_the_same_detector_gives_the_same_bytes():
    assert export() == export()


def test_it_uses_standard_operators_only_and_says_what_it_is(session):
    found = inspect(export())
    assert found.domains == {""}
    assert {domain for domain, _ in found.operators} == {""}
    said = session.get_modelmeta().custom_metadata_map
    assert (said["name"], said["version"]) == ("m", "1")
    assert (json.loads(said["tags"]), json.loads(said["features"])) == (list(TAGS), list(FEATURES))
