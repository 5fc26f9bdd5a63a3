"""What each detector of rows measures, as nodes: score and blame of rows that were brought to one scale."""

from __future__ import annotations

from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from models.detectors.autoencoder import AutoencoderDetector
from models.detectors.forest import ForestDetector
from models.detectors.forest_paths import mean_depth
from models.detectors.knn import NearestDetector
from models.detectors.largest import LargestDeviationDetector
from models.detectors.mahalanobis import MahalanobisDetector
from models.detectors.mixture import MixtureDetector
from models.detectors.pca import PcaDetector
from models.detectors.row_detector import RowDetector
from models.detectors.svm import SvmDetector
from models.export.graph import DOUBLE, FIRST, FLOAT, Graph
from models.export.rows import Judged, Shape, filled, per_tag
from models.export.trees import trees


@singledispatch
def judge(detector: RowDetector, add: Graph, z: str, shape: Shape) -> Judged:  # noqa: ARG001
    """Add the nodes of a fitted detector.

    Args:
        detector: Of any kind below.
        add: The graph.
        z: Name of the scaled rows float64[n, columns], NaN where a row has a hole.
        shape: Of the columns.

    Raises:
        TypeError: No graph is known of this kind.
    """
    msg = f"{type(detector).__name__} has no graph: one must be written in models/export"
    raise TypeError(msg)


@judge.register(MahalanobisDetector)
@judge.register(PcaDetector)
def _(detector: MahalanobisDetector | PcaDetector, add: Graph, z: str, shape: Shape) -> Judged:
    return _sum(add, _quadratic(add, z, detector.form_ / detector.limit), shape)


@judge.register
def _(detector: AutoencoderDetector, add: Graph, z: str, shape: Shape) -> Judged:
    signal = z
    for at, (weights, bias) in enumerate(zip(detector.weights_, detector.biases_, strict=True)):
        signal = add("Add", add("MatMul", signal, weights), bias)
        if at < len(detector.weights_) - 1:
            signal = add("Tanh", signal)
    missed = add("Sub", signal, z)
    scale = 1.0 / (shape.tags * shape.features * detector.limit)
    return _sum(add, _times(add, add("Mul", missed, missed), scale, shape), shape)


@judge.register
def _(detector: LargestDeviationDetector, add: Graph, z: str, shape: Shape) -> Judged:
    whole, hole = filled(add, z)
    size = _times(add, add("Abs", whole), 1.0 / detector.limit, shape)
    largest = add("ArgMax", size, axis=1, keepdims=1)
    here = add("Equal", largest, np.arange(shape.tags * shape.features, dtype=np.int64))
    return _sum(add, add("Where", here, size, 0.0), shape, hole)


@judge.register
def _(detector: MixtureDetector, add: Graph, z: str, shape: Shape) -> Judged:
    whole, hole = filled(add, z)
    modes = []
    for mean, form in zip(detector.means_, detector.precisions_, strict=True):
        terms = _quadratic(add, add("Sub", whole, mean), form / detector.limit)
        modes.append((add.total(terms, shape.tags * shape.features), per_tag(add, terms, shape)))
    score, blame = modes[0]
    for other, its_blame in modes[1:]:
        nearer = add("Less", other, score)
        score, blame = add("Where", nearer, other, score), add("Where", nearer, its_blame, blame)
    return Judged(score, blame, hole)


@judge.register
def _(detector: NearestDetector, add: Graph, z: str, shape: Shape) -> Judged:
    whole, hole = filled(add, z)
    references = detector.references_
    # The squared distance less the square of the row, which is the same for all references.
    cross = add("MatMul", whole, np.ascontiguousarray(-2.0 * references.T))
    rank = add("Add", cross, (references**2).sum(axis=1))
    k = np.array([min(detector.neighbours, len(references))], dtype=np.int64)
    _, nearest = add.split("TopK", rank, k, outs=("nearest_rank", "nearest"), axis=1, largest=0, sorted=1)
    away = add("Sub", add("Unsqueeze", whole, FIRST), add("Gather", references, nearest, axis=0))  # [n, k, columns]
    squares = add("ReduceMean", add("Mul", away, away), axes=[1], keepdims=0)
    return _sum(add, _times(add, squares, 1.0 / detector.limit, shape), shape, hole)


@judge.register
def _(detector: SvmDetector, add: Graph, z: str, shape: Shape) -> Judged:
    whole, hole = filled(add, z)
    rows = _without_each(add, whole, shape)
    support, gamma = detector.support_, detector.gamma_
    cross = add("MatMul", rows, np.ascontiguousarray(2.0 * gamma * support.T))
    weighed = add("Add", cross, detector.log_weights_ - gamma * (support**2).sum(axis=1))
    near = add("ReduceLogSumExp", weighed, axes=[1], keepdims=1)
    square = add.total(add("Mul", rows, rows), shape.tags * shape.features, gamma)
    return _occlusion(add, add("Sub", square, near), detector.limit, shape, hole)


@judge.register
def _(detector: ForestDetector, add: Graph, z: str, shape: Shape) -> Judged:
    # One ensemble of all trees. A converter of scikit-learn writes a subgraph per tree: 1.5 to 3.2 ms a row with 100
    # trees, and not 25 us with the blame of eight tags. Trees compare in float32, as scikit-learn's own do.
    whole, hole = filled(add, z)
    attributes = trees(detector, shape.tags)
    said = add("TreeEnsembleRegressor", add("Cast", whole, to=FLOAT), domain="ai.onnx.ml", **attributes)
    sizes = np.array([1, shape.tags], dtype=np.int64)
    depth, blame = add.split("Split", add("Cast", said, to=DOUBLE), sizes, outs=("depth", "shortened"), axis=1)
    usual = len(detector.forest_.estimators_) * mean_depth(float(detector.forest_.max_samples_))
    measure = add("Exp", add("Mul", depth, -np.log(2.0) / usual))
    return Judged(add("Div", measure, detector.limit), blame, hole)


def _quadratic(add: Graph, z: str, form: NDArray[np.float64]) -> str:
    """Terms z_i (M z)_i, which sum to z' M z."""
    return add("Mul", z, add("MatMul", z, form))


def _times(add: Graph, terms: str, factor: float, shape: Shape) -> str:
    """Terms of columns times one number, written as a vector: see `Graph.total`."""
    return add("Mul", terms, np.full(shape.tags * shape.features, factor))


def _sum(add: Graph, terms: str, shape: Shape, hole: str = "") -> Judged:
    """Of a detector whose score is a sum over columns."""
    return Judged(add.total(terms, shape.tags * shape.features), per_tag(add, terms, shape), hole)


def _without_each(add: Graph, z: str, shape: Shape) -> str:
    """Each row as it is, and once more without each tag: float64[n * (1 + tags), columns]."""
    columns = shape.tags * shape.features
    kept = np.ones((1 + shape.tags, columns))
    for tag in range(shape.tags):
        kept[1 + tag, tag * shape.features : (tag + 1) * shape.features] = 0.0
    versions = add("Mul", add("Unsqueeze", z, FIRST), kept)
    return add("Reshape", versions, np.array([-1, columns], dtype=np.int64))


def _occlusion(add: Graph, measure: str, limit: float, shape: Shape, hole: str) -> Judged:
    """`RowDetector._without_each_tag`: how far the measure [n * (1 + tags), 1] falls without each tag."""
    ratios = add("Reshape", add("Div", measure, limit), np.array([-1, 1 + shape.tags], dtype=np.int64))
    sizes = np.array([1, shape.tags], dtype=np.int64)
    whole, without = add.split("Split", ratios, sizes, outs=("ratio", "ratios_without"), axis=1)
    return Judged(whole, add("Sub", whole, without), hole)
