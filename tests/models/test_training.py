from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from models.bundle import PICTURES, Bundle, read_bundle, read_manifest
from models.detectors.mahalanobis import MahalanobisDetector
from models.errors import BundleRejected, ModelError, RowsRefused, TrainingRefused
from models.feature_rows import FeatureRows
from models.onnx_scorer import OnnxScorer
from models.proof import prove


def test_the_report_says_what_was_done(report):
    assert report.model == "press@1"
    assert report.rows == 94  # 120 - 24 kept back - 2 of embargo
    assert report.holdout.rows == 24
    assert report.skipped == 0
    assert report.max_relative_difference <= 1e-5
    assert report.holdout.largest < 1.0
    assert any("cannot carry a budget" in warning for warning in report.warnings)


def test_the_manifest_says_the_same(report):
    manifest = read_manifest(report.bundle)
    assert (manifest.rows, manifest.calibration, manifest.warnings) == (94, report.calibration, report.warnings)
    assert manifest.trained_from_ns == 1_700_000_000_000_000_000
    assert manifest.trained_to_ns == manifest.trained_from_ns + (93 * 5 + 10) * 10**9
    assert manifest.feature_set.name == "tiny"
    assert manifest.threshold == 1.0


def test_the_card_can_be_read(report):
    card = (report.bundle / "card.md").read_text()
    for said in (
        "press@1",
        "flow [m3/h]",
        "mean, std, max",
        "94 windows of normal operation",
        "2023-11-14 22:13:20 UTC",
    ):
        assert said in card
    assert max(map(len, card.split("## Warnings")[0].splitlines())) <= 120


def test_the_same_rows_give_the_same_files(report, rows, arguments, tmp_path, teach):
    teach(rows(), **arguments(tmp_path / "again"))
    for file in report.bundle.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_another_seed_draws_other_golden_rows_and_nothing_else(report, rows, arguments, tmp_path, teach):
    teach(rows(), **arguments(tmp_path / "again", seed=1))
    same = {
        file.name: (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()
        for file in report.bundle.iterdir()
    }
    unlike = {"golden.npz": False, "manifest.json": False}
    pictures = dict.fromkeys(PICTURES, True)
    assert same == {"model.onnx": True, "card.md": True, "baseline.npz": True, **pictures, **unlike}


def test_a_fault_is_seen_and_its_tag_named(report, rows):
    scorer = OnnxScorer.load(report.bundle)
    healthy, faulty = rows(50, seed=9), rows(50, seed=9)
    faulty[:, 1] += 15.0
    assert (scorer.score(healthy).score <= 1.0).mean() > 0.95
    scores = scorer.score(faulty)
    assert (scores.score > 1.0).all()
    assert np.median(scores.contributions[:, 1]) > 0.5


def test_offsets_of_ten_million_deviations_keep_their_scores(rows, arguments, tmp_path, teach):
    plain = rows()
    moved = plain + 1e7 * plain.std(axis=0) * [1, 0, 1]  # a spread has no offset
    a = teach(plain, **arguments(tmp_path / "a"))
    b = teach(moved, **arguments(tmp_path / "b"))
    assert b.max_relative_difference <= 1e-5
    assert b.calibration.limit == pytest.approx(a.calibration.limit, rel=1e-5)


def test_holes_are_skipped(rows, arguments, tmp_path, teach):
    given = rows()
    given[5, 0, 0] = np.nan
    given[-1] = np.nan
    report = teach(given, **arguments(tmp_path / "b"))
    assert report.skipped == 2
    assert "without a value" in report.warnings[0]


def test_time_is_an_argument(rows, arguments, tmp_path, teach):
    assert teach(rows(), **arguments(tmp_path / "b", clock=itertools.count(3.0, 2.5).__next__)).seconds == 2.5


def test_too_few_rows_write_nothing(rows, arguments, tmp_path, teach):
    for n in (0, 1, 20, 30):
        with pytest.raises(TrainingRefused, match="windows are needed"):
            teach(rows(n), **arguments(tmp_path / "b", n))
    assert list(tmp_path.iterdir()) == []


def test_an_end_unlike_the_beginning_writes_nothing(rows, arguments, tmp_path, teach):
    given = rows()
    given[100:] += 500.0
    with pytest.raises(TrainingRefused, match=r"holdout = .*not like its beginning"):
        teach(given, **arguments(tmp_path / "b"))
    assert list(tmp_path.iterdir()) == []


def test_rows_of_another_shape_are_refused(rows, arguments, tmp_path, teach):
    with pytest.raises(RowsRefused, match=r"rows of shape \(120, 3, 3\): the model wants \(n, 2 tags, 3 features\)"):
        teach(rows(tags=3), **arguments(tmp_path / "b"))


def test_a_bundle_is_not_overwritten(report, rows, arguments, teach):
    with pytest.raises(BundleRejected, match="never overwritten"):
        teach(rows(), **arguments(report.bundle))


def test_a_graph_that_is_not_the_fitted_model_is_refused(report, rows):
    bundle: Bundle = read_bundle(report.bundle)
    scorer = OnnxScorer(bundle)
    spreads = tuple(at for at, feature in enumerate(bundle.manifest.features) if feature in {"std", "mean_abs_change"})
    detector = MahalanobisDetector(features_per_tag=3, log_features=spreads, limit=bundle.manifest.calibration.limit)
    kept = rows()[:94].reshape(94, -1)
    given = FeatureRows.from_array(rows().reshape(120, -1), tags=tuple("abcdef"))
    given = replace(given, values=rows(), tags=("flow", "pressure"), features=("mean", "std", "max"), units=("", ""))
    assert prove(detector.fit(kept), scorer, given) <= 1e-5
    detector.precision_ = detector.precision_ * (1 + 2e-5)
    with pytest.raises(TrainingRefused, match=r"difference = 2\.0e-05: reference and ONNX Runtime must agree"):
        prove(detector, scorer, given)


def test_a_name_or_a_place_that_cannot_be_is_refused_before_all_else(report, rows, arguments, tmp_path, teach):
    def never(words):
        raise AssertionError(words)

    for changes, told in (
        ({"name": "a b"}, "name = 'a b': must be 1-64 letters"),
        ({"version": ""}, "version = '': must be 1-64 letters"),
        ({"out": report.bundle}, "never overwritten"),
    ):
        with pytest.raises(ModelError, match=told):
            teach(rows(), **{**arguments(tmp_path / "b"), **changes, "told": never})
    assert list(tmp_path.iterdir()) == []


def test_rows_of_two_assets_share_their_time_and_widen_the_embargo(rows, arguments, tmp_path, teach):
    starts = np.repeat((1_700_000_000 + 5 * np.arange(60)) * 10**9, 2)
    mixed = teach(rows(), **arguments(tmp_path / "b", starts=starts))
    manifest = read_manifest(mixed.bundle)
    assert manifest.trained_from_ns == starts[0]
    assert manifest.trained_to_ns == starts[manifest.rows - 1] + 10 * 10**9
    assert manifest.calibration.embargo == 4  # two windows overlap, of two assets


def test_starts_of_other_rows_are_refused(rows, arguments, tmp_path, teach):
    with pytest.raises(TrainingRefused, match="starts"):
        teach(rows(), **arguments(tmp_path / "b", n=7))
