"""Models of others become bundles that score as the models do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graphs import DOUBLE, EXPORTS, FLOAT, INT64, autoencoder, distance, save
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from models.bundle import MODEL
from models.errors import ImportRefused, TrainingRefused
from models.feature_rows import FeatureRows
from models.foreign.importing import ImportReport, import_model
from models.onnx_scorer import OnnxScorer


def imported(path: Path, rows: FeatureRows, out: Path, **more: Any) -> tuple[ImportReport, OnnxScorer]:
    report = import_model(path, rows, name="theirs", version="1", out=out / "bundle", **more)
    return report, OnnxScorer.load(report.bundle)


def promised(scorer: OnnxScorer, rows: FeatureRows) -> None:
    """What every bundle keeps: holes abstain and touch no other row, blame sums to 1, far rows are above the limit."""
    values = rows.values[:40].copy()
    whole = scorer.score(values)
    values[3, 1, 2], values[7, 0, 0], values[9] = np.nan, np.inf, -np.inf
    holed = scorer.score(values)
    hole = np.isin(np.arange(40), (3, 7, 9))
    assert np.isnan(holed.score).tolist() == hole.tolist()
    np.testing.assert_allclose(holed.score[~hole], whole.score[~hole], rtol=1e-5)
    np.testing.assert_allclose(whole.contributions.sum(axis=1), 1.0)
    assert (whole.contributions >= 0).all()
    assert np.isfinite(scorer.score(np.full((2, 2, 3), 1e300)).score).all()


@pytest.mark.parametrize(
    ("name", "maker"),
    [("pytorch_dynamo", "pytorch"), ("pytorch_torchscript", "pytorch"), ("tensorflow_lite", "tf2onnx")],
)
def test_what_pytorch_and_tensorflow_export_becomes_a_bundle(
    name: str, maker: str, rows: FeatureRows, tmp_path: Path
) -> None:
    report, scorer = imported(EXPORTS / f"{name}.onnx", rows, tmp_path)
    assert report.detector == "onnx-reconstruction"
    assert not report.one_by_one
    assert report.max_relative_difference < 1e-5
    assert report.holdout.above < 0.05
    assert report.calibration.blocks == 1
    promised(scorer, rows)
    broken = rows.values[:20].copy()
    broken[:, 1] += 12.0  # the load moves both tags together, and now it does not
    assert np.mean(scorer.score(broken).score > 1.0) > 0.9
    card = (report.bundle / "card.md").read_text()
    assert f"imported from {name}.onnx ({maker}" in card
    assert "which the model must not have been trained on" in card
    kept = onnx.load(report.bundle / MODEL)
    assert not any(node.metadata_props or node.doc_string for node in kept.graph.node)


@pytest.mark.parametrize(("name", "output"), [("sklearn_mixture", "score_samples"), ("sklearn_svm", "scores")])
def test_a_model_of_normality_by_scikit_learn_becomes_a_bundle(
    name: str, output: str, rows: FeatureRows, tmp_path: Path
) -> None:
    report, scorer = imported(EXPORTS / f"{name}.onnx", rows, tmp_path, output=output, falls=True)
    assert report.detector == "onnx-score"
    promised(scorer, rows)
    broken = rows.values[:20].copy()
    broken[:, 1] += 12.0
    said = scorer.score(broken)
    assert (said.score > 1.0).all()
    assert (said.contributions[:, 1] > 0.5).all()


def test_the_error_of_a_reconstruction_is_the_score_and_its_parts_are_the_blame(
    rows: FeatureRows, tmp_path: Path
) -> None:
    path = autoencoder(tmp_path / "ae.onnx", 6, 8, 2)
    report, scorer = imported(path, rows, tmp_path)
    said = scorer.score(rows.values)
    kept = rows.values[: report.rows].reshape(report.rows, -1)
    flat = rows.values.reshape(600, -1)
    import onnxruntime

    made = onnxruntime.InferenceSession(path).run(None, {"input": flat.astype(np.float32)})[0]
    square = ((flat - made) / kept.std(axis=0)) ** 2
    np.testing.assert_allclose(said.score, square.mean(axis=1) / report.calibration.limit, rtol=1e-5)
    per_tag = square.reshape(600, 2, 3).sum(axis=2)
    np.testing.assert_allclose(said.contributions, per_tag / per_tag.sum(axis=1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize(
    "made",
    [
        {},
        {"keep": True},
        {"dtype": DOUBLE},
        {"shape": ("n", 2, 3)},
        {"shape": (None, 6)},
        {"sign": -1.0, "falls": True},
        {"sign": 1e-6},
    ],
    ids=str,
)
def test_a_score_is_counted_from_its_median_to_its_limit(
    made: dict[str, Any], rows: FeatureRows, tmp_path: Path
) -> None:
    more = {"falls": made.pop("falls")} if "falls" in made else {}
    report, scorer = imported(distance(tmp_path / "m.onnx", **made), rows, tmp_path, **more)
    assert report.detector == "onnx-score"
    assert report.max_relative_difference < 1e-5
    promised(scorer, rows)
    flat = rows.values.reshape(600, -1)
    raw = (((flat - 50.0) / 3.2) ** 2).sum(axis=1)
    median, largest = np.median(raw[: report.rows]), raw[: report.rows].max()
    limit = median + 1.5 * (largest - median)  # too short a recording for the budget: margin on the largest
    np.testing.assert_allclose(scorer.score(rows.values).score, (raw - median) / (limit - median), rtol=1e-3, atol=1e-4)


def test_of_a_score_the_blame_is_what_it_falls_by_without_a_tag(rows: FeatureRows, tmp_path: Path) -> None:
    _, scorer = imported(distance(tmp_path / "m.onnx"), rows, tmp_path)
    broken = np.full((2, 2, 3), 50.0)
    broken[0, 1] = 80.0
    broken[1] = [[56.4, 50, 50], [56.4, 56.4, 50]]
    shares = scorer.score(broken).contributions
    assert shares[0, 1] > 0.99
    np.testing.assert_allclose(shares[1], [1 / 3, 2 / 3], atol=0.05)  # exact where a score is a sum over tags


def test_a_model_for_a_single_row_is_called_for_each(rows: FeatureRows, tmp_path: Path) -> None:
    report, scorer = imported(distance(tmp_path / "m.onnx", shape=(1, 6)), rows, tmp_path)
    assert report.one_by_one
    assert any("exported for a single row" in warning for warning in report.warnings)
    assert any("equal shares" in warning for warning in report.warnings)
    said = scorer.score(rows.values[:30])
    np.testing.assert_allclose(said.contributions, 0.5)
    for at in (0, 29):
        assert scorer.score(rows.values[at : at + 1]).score[0] == said.score[at]
    promised(scorer, rows)


def test_a_model_whose_rows_influence_one_another_is_called_for_each(rows: FeatureRows, tmp_path: Path) -> None:
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),  # as a batch norm that was left in training mode
        node("Sub", ["x", "mean"], ["away"]),
        node("Abs", ["away"], ["size"]),
        node("ReduceMax", ["size"], ["spread"], axes=[0], keepdims=1),
        node("Sub", ["x", "fifty"], ["y"]),
        node("Abs", ["y"], ["z"]),
        node("Add", ["z", "spread"], ["both"]),
        node("ReduceSum", ["both", "axes"], ["score"], keepdims=0),
    ]
    weights = {"fifty": np.full(1, 50.0, np.float32), "axes": np.array([1], np.int64)}
    report, scorer = imported(save(tmp_path / "m.onnx", nodes, weights), rows, tmp_path)
    assert report.one_by_one
    assert any("rows influence one another's scores" in warning for warning in report.warnings)
    np.testing.assert_array_equal(scorer.score(rows.values[:2]).score[:1], scorer.score(rows.values[:1]).score)


class Rows(CalibrationDataReader):
    """Rows for the range of static quantisation."""

    def __init__(self, rows: FeatureRows) -> None:
        self.batches = iter([{"input": rows.flat[:300].astype(np.float32)}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.batches, None)


def quantised(kind: str, rows: FeatureRows, folder: Path) -> Path:
    plain, out = autoencoder(folder / "plain.onnx", 6, 8, 2), folder / f"{kind}.onnx"
    if kind == "dynamic":
        quantize_dynamic(plain, out, weight_type=QuantType.QInt8)
    else:
        quantize_static(plain, out, Rows(rows), quant_format=QuantFormat.QDQ, per_channel=True)
    return out


@pytest.mark.parametrize("kind", ["dynamic", "static"])
def test_int8_models_agree_with_the_model_they_were_made_of(kind: str, rows: FeatureRows, tmp_path: Path) -> None:
    (tmp_path / "float").mkdir()
    _, plain = imported(autoencoder(tmp_path / "f.onnx", 6, 8, 2), rows, tmp_path / "float")
    report, scorer = imported(quantised(kind, rows, tmp_path), rows, tmp_path)
    assert report.max_relative_difference < 1e-5
    assert report.one_by_one == (kind == "dynamic")
    assert any("takes its range from all rows" in warning for warning in report.warnings) == (kind == "dynamic")
    promised(scorer, rows)
    broken = rows.values.copy()
    broken[:, 1] += 8.0
    for some in (rows.values[480:], broken):
        first, second = plain.score(some).score > 1.0, scorer.score(some).score > 1.0
        assert np.mean(first == second) >= 0.98


def test_a_dynamic_one_scores_a_row_alone_whoever_stands_beside_it(rows: FeatureRows, tmp_path: Path) -> None:
    """Called together, a wild row of one asset would coarsen the scores of all others."""
    _, scorer = imported(quantised("dynamic", rows, tmp_path), rows, tmp_path)
    beside = rows.values[:3].copy()
    beside[1] = 1e6
    assert scorer.score(beside).score[0] == scorer.score(rows.values[:1]).score[0]


def test_one_of_several_outputs_is_chosen(rows: FeatureRows, tmp_path: Path) -> None:
    node = helper.make_node
    nodes = [
        node("Abs", ["x"], ["size"]),
        node("ReduceSum", ["size", "axes"], ["first"], keepdims=0),
        node("Neg", ["first"], ["second"]),
        node("ArgMax", ["x"], ["label"], axis=1, keepdims=0),
    ]
    weights = {"axes": np.array([1], np.int64)}
    outputs = [("label", INT64, ("n",)), ("first", FLOAT, ("n",)), ("second", FLOAT, ("n",))]
    two = save(tmp_path / "two.onnx", nodes, weights, outputs=outputs)
    with pytest.raises(ImportRefused, match="name it with --output"):
        imported(two, rows, tmp_path)
    with pytest.raises(ImportRefused, match="is no output of float32"):
        imported(two, rows, tmp_path, output="label")
    assert imported(two, rows, tmp_path, output="first")[0].detector == "onnx-score"
    (tmp_path / "other").mkdir()
    one = save(tmp_path / "one.onnx", nodes, weights, outputs=outputs[:2])
    assert imported(one, rows, tmp_path / "other")[0].detector == "onnx-score"  # a label is none


def test_an_old_opset_is_converted(rows: FeatureRows, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Sub", ["x", "centre"], ["away"]),
        helper.make_node("Abs", ["away"], ["size"]),
        helper.make_node("ReduceSum", ["size"], ["score"], axes=[1], keepdims=0),
    ]
    path = save(tmp_path / "m.onnx", nodes, {"centre": np.full(1, 50.0, np.float32)}, opset=11)
    report, scorer = imported(path, rows, tmp_path)
    assert report.max_relative_difference < 1e-5
    promised(scorer, rows)


def test_a_score_that_falls_must_be_said_to(rows: FeatureRows, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="add --falls"):
        imported(distance(tmp_path / "m.onnx", sign=-1.0), rows, tmp_path)
    with pytest.raises(ImportRefused, match="leave --falls out"):
        imported(distance(tmp_path / "m.onnx"), rows, tmp_path, falls=True)
    with pytest.raises(ImportRefused, match="never falls"):
        imported(autoencoder(tmp_path / "a.onnx", 6, 8, 2), rows, tmp_path, falls=True)


def test_a_model_that_sees_nothing_is_said_to(rows: FeatureRows, tmp_path: Path) -> None:
    """Through a sigmoid, what is far away scores like what is a little off."""
    nodes = [
        helper.make_node("Sub", ["x", "centre"], ["away"]),
        helper.make_node("Sigmoid", ["away"], ["squeezed"]),
        helper.make_node("ReduceMean", ["squeezed"], ["score"], axes=[1], keepdims=0),
    ]
    path = save(tmp_path / "m.onnx", nodes, {"centre": np.full(1, 50.0, np.float32)})
    report, _ = imported(path, rows, tmp_path)
    assert any("it does not see them" in warning for warning in report.warnings)


def test_offsets_that_float32_cannot_hold_are_said(rows: FeatureRows, tmp_path: Path) -> None:
    away = FeatureRows(
        values=rows.values + 1e6,
        starts=rows.starts,
        tags=rows.tags,
        feature_set=rows.feature_set,
        window_length_ns=rows.window_length_ns,
        window_every_ns=rows.window_every_ns,
    )
    report, _ = imported(distance(tmp_path / "m.onnx", centre=1e6 + 50), away, tmp_path)
    assert any("takes float32" in warning for warning in report.warnings)
    (tmp_path / "double").mkdir()
    report, _ = imported(distance(tmp_path / "d.onnx", dtype=DOUBLE, centre=1e6 + 50), away, tmp_path / "double")
    assert not any("takes float32" in warning for warning in report.warnings)
    with pytest.raises(ImportRefused, match="hang on rounding"):  # 1e12 before the median is taken off
        imported(distance(tmp_path / "m.onnx"), away, tmp_path / "rounding")


def test_a_model_without_numbers_is_refused(rows: FeatureRows, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Sub", ["x", "large"], ["away"]),
        helper.make_node("Log", ["away"], ["log"]),
        helper.make_node("ReduceSum", ["log", "axes"], ["score"], keepdims=0),
    ]
    weights = {"large": np.full(1, 51.0, np.float32), "axes": np.array([1], np.int64)}
    with pytest.raises(ImportRefused, match="windows of the recording get none from it"):
        imported(save(tmp_path / "m.onnx", nodes, weights), rows, tmp_path)


def test_too_short_a_recording_is_refused(rows: FeatureRows, tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="windows are needed"):
        imported(distance(tmp_path / "m.onnx"), rows[:20], tmp_path)
    assert not (tmp_path / "bundle").exists()


def test_the_same_model_and_recording_give_the_same_bundle(rows: FeatureRows, tmp_path: Path) -> None:
    path = EXPORTS / "pytorch_dynamo.onnx"
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        imported(path, rows, tmp_path / name)
    for file in (tmp_path / "one" / "bundle").iterdir():
        assert file.read_bytes() == (tmp_path / "other" / "bundle" / file.name).read_bytes()
