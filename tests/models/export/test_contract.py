"""What the graph of every detector must do, whatever it measures. What is special about one has a file of its own."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from models.detectors.catalogue import KINDS, Wish
from models.detectors.forest import ForestDetector
from models.detectors.knn import NearestDetector
from models.detectors.row_detector import RowDetector
from models.detectors.stream import StreamDetector
from models.export.door import export
from models.onnx_scorer import open_session
from models.onnx_wire import inspect
from models.state import begin

TAGS, FEATURES = tuple("abcde"), ("mean", "std", "max")  # odd numbers: rows lie on even and on odd addresses
RNG = np.random.default_rng(31)
LIMIT = 1.7  # a number that float32 does not hold
OFFSET = np.array([0.0, 1e7, -1e7, 3.0, 1e5])  # in standard deviations, as totalisers and pressures in Pa have them


def levels(n, rng):
    return OFFSET + 0.7 * rng.normal(size=(n, 1)) + rng.normal(size=(n, len(TAGS)))


def columns(n, rng):
    mean = levels(n, rng)[:, :, None]
    std = 0.5 * np.exp(0.1 * rng.normal(size=mean.shape))
    return np.concatenate([mean, std, mean + 2.0 * std], axis=2).reshape(n, -1)


ROWS = {True: levels(700, RNG), False: columns(700, RNG)}
LATER = {True: levels(120, RNG), False: columns(120, RNG)}
NAMES = list(KINDS)
STATEFUL = [name for name in NAMES if KINDS[name].stateful]
STATELESS = [name for name in NAMES if not KINDS[name].stateful]
SILENT = {"stuck", "missing"}  # of the level of a tag they say nothing


@functools.cache
def made(name):
    """The detector, its graph, and a session of it."""
    stateful = KINDS[name].stateful
    detector = KINDS[name].make(Wish(1 if stateful else 3, () if stateful else (1,), follow_rows=40.0))
    detector.fit(ROWS[stateful])
    limited = detector.detector_ if isinstance(detector, StreamDetector) else detector
    limited.set_params(limit=limited.limit * LIMIT)
    return detector, *graph(detector, stateful)


def graph(detector, stateful):
    features = FEATURES[:1] if stateful else FEATURES
    exported = export(detector, name="m", version="1", tags=TAGS, features=features)
    return exported, open_session(exported.model, Path("m"))


def play(name, rows):
    """Rows float64[n, columns] of one asset: score, alarm, contributions."""
    _, exported, session = made(name)
    if not exported.state:
        return session.run(None, {"rows": rows})
    state, told = begin(exported.state, 1), []
    for row in rows:
        fed = dict(zip((port.name for port in exported.state), state, strict=True))
        score, alarm, shares, *state = session.run(None, {"rows": row[None], **fed})
        told.append((score[0], alarm[0], shares[0]))
    return [np.array(column) for column in zip(*told, strict=True)]


def strange(name):
    """Later rows, in which this and that happens, as far as it can happen to this kind."""
    stateful = KINDS[name].stateful
    rows = LATER[stateful].copy()
    each = 1 if stateful else 3
    rows[40:44, each] += 5.0
    rows[60:, 2 * each] += np.linspace(0.0, 8.0, 60)
    if stateful:
        rows[70:73, 3] = np.nan
        rows[80:92, 0] = np.nan
        rows[95:, 4] = rows[95, 4]
        rows[106:108, 4] = np.nan  # a value that was missing neither moved nor ended its rest
    return rows


each = pytest.mark.parametrize("name", NAMES)


def tolerance(name):
    return 1e-5 if name == "forest" else 1e-9  # trees compare and add in float32


@each
def test_it_scores_and_blames_as_the_reference(name):
    detector = made(name)[0]
    rows = strange(name)
    score, _, shares = play(name, rows)
    np.testing.assert_allclose(score, detector.anomaly_score(rows), rtol=tolerance(name), atol=1e-12)
    np.testing.assert_allclose(shares, detector.contributions(rows), rtol=10 * tolerance(name), atol=tolerance(name))
    assert np.nanmax(score) > 0


@each
@pytest.mark.parametrize("tag", [*range(len(TAGS)), None])
def test_it_does_so_ten_million_deviations_away(name, tag):
    detector = made(name)[0]
    stateful = KINDS[name].stateful
    rows = LATER[stateful][:60].copy()
    step = np.zeros(len(TAGS)) if tag is not None else np.full(len(TAGS), 1e7)
    if tag is not None:
        step[tag] = 1e7
    rows[30:] += np.repeat(step, 1 if stateful else 3) * rows.std(axis=0)
    score, _, _ = play(name, rows)
    np.testing.assert_allclose(score, detector.anomaly_score(rows), rtol=1e-5, atol=1e-12)


@each
def test_an_alarm_is_what_is_not_known_to_be_normal(name):
    rows = strange(name)
    rows[50:57] = np.nan  # some hold the last value for five
    score, alarm, shares = play(name, rows)
    np.testing.assert_array_equal(alarm, ~(score <= 1.0))
    assert np.isnan(shares[np.isnan(score)]).all()
    known = shares[np.isfinite(score)]
    assert (known >= 0).all()
    np.testing.assert_allclose(known.sum(axis=1), 1.0, rtol=1e-9)
    if name != "missing":  # which has a score just then
        assert np.isnan(score[56])
        assert alarm[56]


@pytest.mark.parametrize("name", STATELESS)
def test_a_hole_leaves_its_row_without_a_score_and_touches_no_other(name):
    rows = LATER[False][:7].copy()
    rows[3, 4] = np.nan
    score, alarm, _ = play(name, rows)
    assert np.isnan(score).tolist() == [False, False, False, True, False, False, False]
    assert alarm[3]
    others = [0, 1, 2, 4, 5, 6]
    np.testing.assert_allclose(score[others], play(name, LATER[False][others])[0], rtol=1e-6)


@pytest.mark.parametrize("name", STATEFUL)
def test_a_hole_of_one_tag_leaves_the_state_of_the_others(name):
    """A missing value is never averaged away, and never outlives what remembers it."""
    rows = LATER[True].copy()
    rows[30:40, 0] = np.nan
    score, _, _ = play(name, rows)
    assert np.isfinite(score[75:]).all()
    assert np.isfinite(play(name, LATER[True])[0][made(name)[1].warm_up :]).all()


@pytest.mark.parametrize("name", STATELESS)
def test_every_finite_row_has_a_finite_score(name):
    wild = np.concatenate([np.full((1, 15), value) for value in (0.0, 1e300, -1e300, 5e-324)])
    score, _, shares = play(name, wild)
    assert np.isfinite(score).all()
    assert np.isfinite(shares).all()


@pytest.mark.parametrize("name", STATELESS)
def test_many_rows_are_as_many_single_ones(name):
    rows = LATER[False]
    whole = play(name, rows)
    alone = [
        np.concatenate(column) for column in zip(*(play(name, rows[at : at + 1]) for at in range(120)), strict=True)
    ]
    for together, single in zip(whole, alone, strict=True):
        if name == "forest":  # the engine adds up the trees of a batch in another order, in float32
            np.testing.assert_allclose(together, single, rtol=1e-5, atol=1e-5)
        elif name == "autoencoder":  # and computes the hyperbolic tangent of four values otherwise than of one
            np.testing.assert_allclose(together, single, rtol=1e-12)
        else:
            np.testing.assert_array_equal(together, single)


@pytest.mark.parametrize("name", STATEFUL)
def test_many_assets_are_as_many_single_ones(name):
    _, exported, session = made(name)
    assets = np.stack([LATER[True], strange(name), LATER[True][::-1]], axis=1)
    state, told = begin(exported.state, 3), []
    for rows in assets:
        fed = dict(zip((port.name for port in exported.state), state, strict=True))
        score, _, _, *state = session.run(None, {"rows": rows, **fed})
        told.append(score)
    for asset in range(3):
        np.testing.assert_array_equal(np.array(told)[:, asset], play(name, assets[:, asset])[0])


@each
def test_a_fault_scores_higher_and_its_tag_is_blamed(name):
    stateful = KINDS[name].stateful
    rows = LATER[stateful].copy()
    if name == "stuck":
        rows[60:, 3] = rows[60, 3]
    elif name == "missing":
        rows[60:, 3] = np.nan
    else:
        # A mean of ten rows moves by a tenth of it a row, and each of these is judged against the one before.
        rows[60:, 3 if stateful else slice(9, 12)] += 200.0 if name == "level_shift" else 20.0
    score, _, shares = play(name, rows)
    assert np.nanmax(score[60:90]) > np.nanmax(score[:60])
    assert shares[60:90][np.nanargmax(score[60:90])].argmax() == 3


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {"forest", *SILENT}])
def test_farther_is_more_anomalous(name):
    stateful = KINDS[name].stateful
    scores = []
    for away in (10.0, 100.0, 1e4, 1e6):
        rows = LATER[stateful][:100].copy()
        rows[85:, 3 if stateful else slice(9, 12)] += away
        scores.append(np.nanmax(play(name, rows)[0]))
    assert (np.diff(scores) > 0).all()


@each
def test_the_same_detector_gives_the_same_bytes_of_standard_operators(name):
    detector, exported, _ = made(name)
    assert graph(detector, KINDS[name].stateful)[0].model == exported.model
    found = inspect(exported.model)
    assert found.domains <= {"", "ai.onnx.ml"}
    assert not found.oddities
    assert bool(exported.state) == KINDS[name].stateful


def test_any_detector_of_rows_can_be_put_on_a_stream():
    detector = StreamDetector(NearestDetector(references=30, features_per_tag=3)).fit(ROWS[True])
    exported, session = graph(detector, True)
    state = dict(zip((port.name for port in exported.state), begin(exported.state, 1), strict=True))
    got = []
    for row in LATER[True]:
        score, _, _, *after = session.run(None, {"rows": row[None], **state})
        state = dict(zip(state, after, strict=True))
        got.append(score[0])
    np.testing.assert_allclose(got, detector.anomaly_score(LATER[True]), rtol=1e-9)


def test_what_has_no_graph_is_refused():
    class Unknown(RowDetector):
        def _learn(self, z): ...

        def _terms(self, z):
            return z**2

    detector = Unknown(features_per_tag=3).fit(ROWS[False])
    with pytest.raises(TypeError, match="Unknown has no graph"):
        graph(detector, False)


def test_a_forest_alone_ends_at_one():
    assert {name for name in NAMES if isinstance(made(name)[0], ForestDetector)} == {"forest"}
    rows = LATER[False][:2] + 1e6
    assert (play("forest", rows)[0] * made("forest")[0].limit <= 1.0).all()
