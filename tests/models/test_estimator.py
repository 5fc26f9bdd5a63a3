"""Every detector from rows to a bundle that scores; and the habits of scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

from models.bundle import PICTURES, read_bundle
from models.detectors.catalogue import KINDS
from models.errors import RowsRefused, TrainingRefused
from models.estimator import AnomalyModel
from models.feature_rows import FeatureRows
from models.features import IRREGULAR, FeatureSet
from models.onnx_scorer import OnnxScorer
from models.scores import follow

SECOND = 10**9
TAGS = ("flow", "pressure", "level")
SET = FeatureSet("tiny", 1, ("mean", "std"))


def plant(n, *, assets=1, seed=3):
    """Windows of pumps that share a load, each window of all of them before the next."""
    rng = np.random.default_rng(seed)
    level = 50.0 + 2.0 * rng.normal(size=(n * assets, 1)) + rng.normal(size=(n * assets, 3))
    spread = 0.5 * np.exp(0.1 * rng.normal(size=level.shape))
    return FeatureRows(
        values=np.stack([level, spread], axis=2),
        starts=np.repeat(np.arange(n, dtype=np.int64) * SECOND, assets),
        assets=np.tile(np.arange(assets), n),
        tags=TAGS,
        units=("m3/h", "bar", ""),
        feature_set=SET,
        window_length_ns=SECOND,
        window_every_ns=SECOND,
    )


ROWS = plant(600)


@pytest.mark.parametrize("name", list(KINDS))
def test_every_detector_becomes_a_bundle_that_scores_as_it_does(name, tmp_path):
    model = AnomalyModel(name).fit(ROWS)
    packed = model.save(tmp_path / "m")
    assert packed.max_relative_difference <= 1e-5
    scorer = OnnxScorer.load(tmp_path / "m")
    assert scorer.manifest.detector == name
    assert bool(scorer.state) == KINDS[name].stateful
    later = plant(80, seed=9)
    fed = later.level() if KINDS[name].stateful else later
    scores = follow(scorer, fed.values)
    np.testing.assert_allclose(scores.score, model.anomaly_score(later), rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(scores.contributions, model.contributions(later), atol=1e-4)
    assert np.isfinite(scores.score[scorer.warm_up :]).all()
    calibration = scorer.manifest.calibration
    assert (calibration.blocks, calibration.budget_per_day) == (4, 1.0)
    assert calibration.embargo >= 1
    golden = read_bundle(tmp_path / "m").golden.score
    assert np.isfinite(golden).sum() >= 16
    assert set(read_bundle(tmp_path / "m").pictures) == set(PICTURES)


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("suite", "autoencoder"):
        (tmp_path / name).mkdir()
        for out in ("a", "b"):
            AnomalyModel(name).fit(ROWS).save(tmp_path / name / out, name="m")
        for file in (tmp_path / name / "a").iterdir():
            assert (tmp_path / name / "b" / file.name).read_bytes() == file.read_bytes()


def test_the_habits_of_scikit_learn():
    model = AnomalyModel("pca", budget_per_day=2.0, seed=4)
    assert clone(model).get_params() == model.get_params()
    model.fit(ROWS)
    later = plant(50, seed=9)
    broken = later.values.copy()
    broken[:, 1] += 40.0
    faulty = later.holding(broken)
    assert (model.predict(later) == 1).all()
    assert (model.predict(faulty) == -1).all()
    np.testing.assert_array_equal(model.score_samples(later), -model.anomaly_score(later))
    np.testing.assert_array_equal(model.decision_function(faulty) < 0, model.predict(faulty) < 0)
    np.testing.assert_array_equal(model.anomaly_score(np.asarray(later)), model.anomaly_score(later))
    assert model.contributions(faulty).argmax(axis=1).tolist() == [1] * 50
    assert (model.fit_predict(ROWS) == 1).mean() > 0.99


def test_a_plain_table_is_enough(tmp_path):
    table = np.asarray(ROWS.level())
    model = AnomalyModel("suite").fit(table)
    score = model.anomaly_score(table[-200:])
    assert np.isnan(score[:19]).all()
    assert (model.predict(table[-200:])[:19] == -1).all()  # no score is not normal
    assert (model.predict(table[-200:])[19:] == 1).all()
    model.save(tmp_path / "m")
    assert OnnxScorer.load(tmp_path / "m").tags == ("x0", "x1", "x2")


def test_a_data_frame_names_its_tags():
    class Frame:  # as much of one as is looked at
        columns = TAGS

        def __array__(self, dtype=None, copy=None):
            return np.array(np.asarray(ROWS.level()), dtype=dtype)

    model = AnomalyModel("pca").fit(Frame())
    assert model.fitted_.kept.tags == TAGS
    assert (model.predict(Frame()) == 1).mean() > 0.99


def test_what_a_tag_is_sent_on_change_has_a_level_of_its_own(tmp_path):
    irregular = replace(
        ROWS, values=np.repeat(ROWS.level().values, 8, axis=2), feature_set=IRREGULAR, features=IRREGULAR.features
    )
    packed = AnomalyModel("suite").fit(irregular).save(tmp_path / "m")
    assert packed.manifest.features == ("tw_mean",)
    assert packed.manifest.feature_set.hash == IRREGULAR.hash


def test_rows_of_another_shape_are_refused():
    model = AnomalyModel("pca").fit(ROWS)
    with pytest.raises(RowsRefused, match="wants"):
        model.predict(np.ones((4, 5)))
    with pytest.raises(RowsRefused, match="wants"):
        model.predict(ROWS.level())
    with pytest.raises(TrainingRefused, match=r"detector = suit: must be one of suite, mahalanobis, .*Choose one"):
        AnomalyModel("suit").fit(ROWS)


@pytest.mark.parametrize("name", ["suite", "lagged", "level_shift", "mahalanobis"])
def test_assets_of_one_kind_are_streams_of_their_own(name, tmp_path):
    mixed = plant(600, assets=2)
    model = AnomalyModel(name).fit(mixed)
    kept = model.fitted_.kept
    assert len(kept) < 2 * 480
    assert model.fitted_.calibration.embargo % 2 == 0  # as many windows of each of the two
    later = plant(100, assets=2, seed=9)
    together = model.anomaly_score(later)
    for asset in (0, 1):
        mine = later.assets == asset
        np.testing.assert_array_equal(together[mine], model.anomaly_score(later[mine]))
    model.save(tmp_path / "m")


def test_a_hold_out_too_short_to_prove_by_is_no_hindrance_and_pauses_everywhere_are(tmp_path):
    few = plant(60)
    packed = AnomalyModel("lagged").fit(few).save(tmp_path / "m")
    assert packed.max_relative_difference <= 1e-5
    halting = plant(120)
    halting = replace(halting, starts=halting.starts + np.arange(120) // 8 * 60 * SECOND)
    with pytest.raises(TrainingRefused, match="windows without a pause in which 16 of them get a score"):
        AnomalyModel("lagged").fit(halting).save(tmp_path / "n")
    assert not (tmp_path / "n").exists()


def test_a_counter_follows_the_data_unless_it_is_given(tmp_path):
    model = AnomalyModel("pca").fit(ROWS)
    assert model.save(tmp_path / "a").manifest.counter == model.fitted_.kept.starts[-1] // SECOND + 1
    assert model.save(tmp_path / "b", counter=7).manifest.counter == 7
