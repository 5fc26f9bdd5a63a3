from __future__ import annotations

import json

import numpy as np
import pytest

from models.detectors.stream import StreamDetector
from models.export.door import export
from models.onnx_scorer import open_session
from models.onnx_wire import inspect

TAGS = ("a", "b", "c", "d")
RNG = np.random.default_rng(21)
# Offsets of up to 1e7 standard deviations, as totalisers and pressures in Pa have them; the last tag stands still.
OFFSET, SCALE = np.array([0.0, 1e7, -3e4, 7.0]), np.array([1.0, 1.0, 0.01, 0.0])
LOAD = RNG.normal(size=(900, 1))
ROWS = OFFSET + SCALE * (0.7 * LOAD + RNG.normal(size=(900, 4)))
NORMAL, LATER = ROWS[:600], ROWS[600:]
STILL = StreamDetector().fit(NORMAL)
STILL.detector_.set_params(limit=1.7)
ARGUMENTS = {"name": "s", "version": "1", "tags": TAGS, "features": ("mean",)}
FOLLOWS = StreamDetector(follow_rows=60, gate=2.0).fit(NORMAL)


def faulty():
    rows = LATER.copy()
    rows[100:130, 2] += 0.1
    rows[160:, 0] += np.linspace(0, 20, 140)
    rows[200:203, 1] = np.nan  # held over
    rows[240:250, 0] = np.nan  # not held over
    rows[180, 3] = 9.0
    return rows


def begin(assets, detector=STILL):
    return {port.name: port.begin(assets) for port in export(detector, **ARGUMENTS).state}


def test_it_begins_as_the_reference_does():
    begun, state = begin(3, FOLLOWS), FOLLOWS.start(3)
    np.testing.assert_array_equal(begun["ring"], state.smoothing.ring)
    np.testing.assert_array_equal(begun["ewma"], state.smoothing.ewma)
    np.testing.assert_array_equal(begun["age"], state.smoothing.age)
    np.testing.assert_array_equal(begun["shift"], state.shift)


def play(session, rows, state):
    """Rows float64[n, assets, tags] one after the other."""
    told = []
    for row in rows:
        score, alarm, shares, *after = session.run(None, {"rows": row, **state})
        state = dict(zip(state, after, strict=True))
        told.append((score, alarm, shares))
    return [np.stack(column) for column in zip(*told, strict=True)]


@pytest.fixture(scope="module", params=[STILL, FOLLOWS], ids=["still", "follows"])
def both(request, tmp_path_factory):
    model = export(request.param, **ARGUMENTS).model
    return request.param, open_session(model, tmp_path_factory.mktemp("s"))


def empty_at_first():
    rows = faulty()
    rows[:7, 1] = np.nan  # no bound may stand in for a value that never was
    rows[7, 1] += 1e3  # and the first one ever may be wild
    return rows


@pytest.mark.parametrize("rows", [LATER, faulty(), empty_at_first()], ids=["normal", "faulty", "empty at first"])
def test_the_graph_scores_as_the_reference_row_by_row(both, rows):
    detector, session = both
    want = detector.anomaly_score(rows)
    score, _, _ = play(session, rows[:, None], begin(1, detector))
    np.testing.assert_allclose(score[:, 0], want, rtol=1e-5, atol=1e-9)
    assert np.nanmax(want) > (0.5 if rows is LATER else 20)


def test_the_blame_is_that_of_the_reference(both):
    detector, session = both
    _, _, shares = play(session, faulty()[:, None], begin(1, detector))
    np.testing.assert_allclose(shares[:, 0], detector.contributions(faulty()), rtol=1e-5, atol=1e-9)


def test_an_alarm_is_what_is_not_known_to_be_normal(both):
    detector, session = both
    score, alarm, shares = play(session, faulty()[:, None], begin(1, detector))
    np.testing.assert_array_equal(alarm, ~(score <= 1.0))
    assert alarm[np.isnan(score)].all()
    assert np.isnan(score[:19]).all()
    assert np.isnan(score[245:269]).all()
    assert np.isnan(shares[np.isnan(score)]).all()
    assert alarm[100:130].any()


def test_a_hole_of_one_asset_touches_no_other(both):
    detector, session = both
    rows = np.stack([LATER, faulty(), LATER[::-1]], axis=1)
    score, alarm, _ = play(session, rows, begin(3, detector))
    for asset in range(3):
        alone, said, _ = play(session, rows[:, asset : asset + 1], begin(1, detector))
        np.testing.assert_allclose(score[:, asset], alone[:, 0], rtol=1e-12)
        np.testing.assert_array_equal(alarm[:, asset], said[:, 0])


def test_nothing_wild_is_ever_normal(both):
    detector, session = both
    rows = np.concatenate([LATER[:60], np.full((25, 4), 1e300), np.full((25, 4), -np.inf)])
    score, alarm, _ = play(session, rows[:, None], begin(1, detector))
    assert np.isfinite(score[19:60]).all()
    assert alarm[60:].all()


def test_it_uses_standard_operators_only_and_is_the_same_bytes_each_time():
    model = export(STILL, **ARGUMENTS).model
    assert model == export(STILL, **ARGUMENTS).model
    found = inspect(model)
    assert found.domains == {""}
    assert not found.oddities


def test_it_says_what_it_is(both):
    said = both[1].get_modelmeta().custom_metadata_map
    assert (said["name"], said["version"], json.loads(said["tags"])) == ("s", "1", list(TAGS))
    assert json.loads(said["features"]) == ["mean"]


def test_a_gate_for_each_asset_is_refused():
    many = StreamDetector(follow_rows=60, gate=np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="gate must be one number"):
        export(many.fit(NORMAL), **ARGUMENTS)
