"""What is special about each detector, against the formula it cites or the library that has it, too."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.svm import OneClassSVM

from models.calibrate import heldout_scores
from models.detectors.autoencoder import AutoencoderDetector
from models.detectors.forest import ForestDetector
from models.detectors.forest_paths import mean_depth
from models.detectors.knn import NearestDetector
from models.detectors.largest import LargestDeviationDetector
from models.detectors.mixture import MixtureDetector
from models.detectors.pca import PcaDetector
from models.detectors.suite import MEMBERS, SuiteDetector
from models.detectors.svm import SvmDetector

RNG = np.random.default_rng(6)
MIX = RNG.normal(size=(3, 6))
NORMAL = RNG.normal(size=(500, 3)) @ MIX + 0.2 * RNG.normal(size=(500, 6))
Z = (NORMAL - NORMAL.mean(axis=0)) / NORMAL.std(axis=0)


def test_pca_is_t2_and_spe_each_over_its_99_percent_level():
    detector = PcaDetector(explained=0.9).fit(NORMAL)
    pca = PCA(detector.components_).fit(Z)
    plane = pca.transform(Z)
    t2 = (plane**2 / (pca.explained_variance_ * 499 / 500)).sum(axis=1)
    spe = ((Z - pca.inverse_transform(plane)) ** 2).sum(axis=1)
    want = t2 / np.quantile(t2, 0.99) + spe / np.quantile(spe, 0.99)
    np.testing.assert_allclose(detector.anomaly_score(NORMAL), want, rtol=1e-8)
    share = np.cumsum(PCA().fit(Z).explained_variance_ratio_)
    assert share[detector.components_ - 2] < 0.9 <= share[detector.components_ - 1]


def test_pca_that_holds_all_the_variance_has_no_error_to_count():
    detector = PcaDetector(explained=1.0).fit(NORMAL)
    assert detector.components_ == 6
    assert np.isfinite(detector.anomaly_score(NORMAL)).all()


def test_pca_sees_a_row_that_leaves_a_plane_it_never_left():
    flat = np.column_stack([NORMAL[:, 0], 2.0 * NORMAL[:, 0]])
    score = PcaDetector().fit(flat).anomaly_score([[0.0, 5.0], flat[0]])
    assert score[0] > 5 * score[1]


def test_the_largest_deviation_counts_in_standard_deviations():
    detector = LargestDeviationDetector().fit(NORMAL)
    np.testing.assert_allclose(detector.anomaly_score(NORMAL), np.abs(Z).max(axis=1), rtol=1e-9)


def test_nearest_is_the_mean_square_distance_to_k_references():
    detector = NearestDetector(neighbours=3, references=1000).fit(NORMAL)
    distance = ((Z[:20, None] - Z[None]) ** 2).sum(axis=2)
    want = np.sort(distance, axis=1)[:, :3].mean(axis=1)
    np.testing.assert_allclose(detector.anomaly_score(NORMAL[:20]), want, rtol=1e-6, atol=1e-9)


def test_nearest_keeps_no_more_references_than_it_may():
    assert NearestDetector(references=16).fit(NORMAL).references_.shape == (16, 6)


def test_the_support_vector_machine_ranks_as_that_of_scikit_learn():
    ours = SvmDetector(nu=0.1).fit(NORMAL).anomaly_score(NORMAL)
    theirs = -OneClassSVM(nu=0.1, gamma=1 / 6).fit(Z).decision_function(Z)
    np.testing.assert_array_equal(np.argsort(ours), np.argsort(theirs))


def test_the_mixture_finds_the_modes_and_judges_by_the_nearest():
    modes = np.vstack([RNG.normal(size=(300, 2)), RNG.normal(size=(300, 2)) + 30.0])
    detector = MixtureDetector(modes=4).fit(modes)
    assert len(detector.means_) == 2
    between, at_home = detector.anomaly_score([[15.0, 15.0], [30.0, 30.0]])
    assert at_home < 1
    assert between > 20


def test_the_forest_is_that_of_scikit_learn():
    theirs = -IsolationForest(random_state=0, max_samples=256).fit(Z).score_samples(Z)
    np.testing.assert_allclose(ForestDetector().fit(NORMAL).anomaly_score(NORMAL), theirs, rtol=1e-6)


def test_the_forest_shares_its_paths_out_exactly():
    """The terms of a row are its mean path, over all trees, less that of the training rows of each tree."""
    detector = ForestDetector(trees=20).fit(NORMAL)
    rows = NORMAL[:50] + 3.0 * RNG.normal(size=(50, 6))
    usual = -np.log2(detector.anomaly_score(rows)) * 20 * mean_depth(256.0)  # steps, over all trees
    roots = np.unique(np.round(usual + detector.column_terms(rows).sum(axis=1), 6))
    assert len(roots) == 1  # what every path begins with


def test_the_forest_blames_the_column_that_cut_a_row_off():
    detector = ForestDetector(features_per_tag=2).fit(NORMAL)
    rows = NORMAL[:40].copy()
    rows[:, 4] += 12.0 * NORMAL[:, 4].std()
    assert (detector.contributions(rows).argmax(axis=1) == 2).mean() > 0.9


def smoothed(n=400):
    load = RNG.normal(size=(n, 1))
    level = load + 0.3 * RNG.normal(size=(n, 4))
    return np.stack([level, level, 1.0 + 0.1 * RNG.normal(size=(n, 4))], axis=2).reshape(n, -1)


def test_the_suite_is_the_largest_ratio_to_limits_from_unseen_rows():
    rows = smoothed()
    suite = SuiteDetector(embargo=20).fit(rows)
    z = (rows - suite.centre_) / suite.scale_
    ratios = []
    for name, (make, features) in MEMBERS.items():
        columns = [at for at in range(12) if ("ewma", "mean", "std")[at % 3] in features]
        member = make(features_per_tag=len(features))
        limit = np.quantile(heldout_scores(member, z[:, columns], 20), 0.99)
        ratios.append(member.fit(z[:, columns]).anomaly_score(z[:, columns]) / limit)
        assert suite.members_[name].limit == pytest.approx(limit)
    np.testing.assert_allclose(suite.anomaly_score(rows), np.max(ratios, axis=0), rtol=1e-9)
    assert [list(MEMBERS)[at] for at in np.argmax(ratios, axis=0)] == suite.winners(rows)


def test_the_suite_names_the_member_that_decided():
    suite = SuiteDetector().fit(smoothed())
    row = suite.centre_.copy()
    row[5] += 30.0 * suite.scale_[5]  # the spread of the second tag
    holed = row.copy()
    holed[0] = np.nan
    assert suite.winners(np.stack([row, holed]))[0] in {"mahalanobis of mean and std", "largest of mean and std"}
    assert suite.winners(np.stack([row, holed]))[1] == ""
    assert suite.contributions([row])[0].argmax() == 1


def test_the_autoencoder_is_the_mean_square_error_of_scikit_learns_network():
    detector = AutoencoderDetector(epochs=5).fit(NORMAL)
    network = MLPRegressor(
        hidden_layer_sizes=(6, 1, 6), activation="tanh", max_iter=5, early_stopping=True, random_state=0
    )
    with pytest.warns(ConvergenceWarning):
        network.fit(Z, Z)
    want = ((network.predict(Z) - Z) ** 2).mean(axis=1)
    np.testing.assert_allclose(detector.anomaly_score(NORMAL), want, rtol=1e-6)
