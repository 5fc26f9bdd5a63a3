"""The isolation forest as one tree ensemble: 50 times faster than the graph a general converter writes of it.

A converter of scikit-learn writes a subgraph per tree: 1.5 to 3.2 ms a row with 100 trees. One TreeEnsembleRegressor
that sums over all trees takes 32 us with the blame of eight tags. Trees compare in float32, as scikit-learn's own do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.detectors.forest import ForestDetector
from models.detectors.row_detector import TINY, Z_LIMIT
from models.manifest import THRESHOLD
from models.onnx_export import IR_VERSION, OPSET
from models.onnx_names import ALARM, CONTRIBUTIONS, ROWS, SCORE

TREE_OPSET = 3
EULER = 0.5772156649015329


def export_forest(
    detector: ForestDetector, *, name: str, version: str, tags: Sequence[str], features: Sequence[str]
) -> bytes:
    """Serialise a fitted forest on plain columns; inputs and outputs as those of `onnx_export.export_mahalanobis`.

    The blame by occlusion needs the forest once more for each tag, all in one call of the node: about 2 us a tag and
    row with 100 trees.

    Raises:
        ValueError: The forest judges columns on a logarithmic scale, which is not exported.
    """
    if detector.log_features:
        msg = f"log_features = {detector.log_features}: must be empty, the forest is exported on plain columns"
        raise ValueError(msg)
    columns, versions = len(tags) * len(features), len(tags) + 1
    kept = np.ones((versions, columns))  # the row as it is, then without each tag
    for tag in range(len(tags)):
        kept[tag + 1, tag * len(features) : (tag + 1) * len(features)] = 0.0
    constants: dict[str, NDArray[Any]] = {
        "centre": detector.centre_,
        "scale": detector.scale_,
        "z_lowest": np.array(-Z_LIMIT),
        "z_highest": np.array(Z_LIMIT),
        "zero": np.array(0.0),
        "nan": np.array(np.nan),
        "kept": kept,
        "flat": np.array([-1, columns], dtype=np.int64),
        "per_version": np.array([-1, versions], dtype=np.int64),
        "one": np.array([1], dtype=np.int64),
        "ones": np.ones((len(tags), 1)),  # a sum whose last bits do not depend on the batch: see onnx_export
        "whole_first": np.array([1, versions - 1], dtype=np.int64),
        "halving": np.array(-np.log(2.0) / (len(detector.forest_.estimators_) * _mean_depth(_rows_of(detector)))),
        "limit": np.array(detector.limit),
        "tiny": np.array(TINY),
        "threshold": np.array(THRESHOLD),
    }
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Sub", [ROWS, "centre"], ["away"]),
            node("Div", ["away", "scale"], ["scaled"]),
            node("Clip", ["scaled", "z_lowest", "z_highest"], ["clipped"]),
            node("IsNaN", ["clipped"], ["holes"]),
            node("Cast", ["holes"], ["holes_as_numbers"], to=TensorProto.INT32),
            node("ReduceMax", ["holes_as_numbers"], ["any_hole"], axes=[1], keepdims=1),
            node("Cast", ["any_hole"], ["hole"], to=TensorProto.BOOL),
            node("Where", ["holes", "zero", "clipped"], ["z"]),
            node("Unsqueeze", ["z", "one"], ["z_once"]),
            node("Mul", ["z_once", "kept"], ["versions"]),
            node("Reshape", ["versions", "flat"], ["versions_flat"]),
            node("Cast", ["versions_flat"], ["narrow"], to=TensorProto.FLOAT),
            node("TreeEnsembleRegressor", ["narrow"], ["depth"], domain="ai.onnx.ml", **_trees(detector)),
            node("Cast", ["depth"], ["wide"], to=TensorProto.DOUBLE),
            node("Mul", ["wide", "halving"], ["exponent"]),
            node("Exp", ["exponent"], ["measure"]),
            node("Reshape", ["measure", "per_version"], ["measures"]),
            node("Split", ["measures", "whole_first"], ["whole", "without"], axis=1),
            node("Div", ["whole", "limit"], ["ratio"]),
            node("Where", ["hole", "nan", "ratio"], ["score_column"]),
            node("Squeeze", ["score_column", "one"], [SCORE]),
            node("LessOrEqual", [SCORE, "threshold"], ["normal"]),
            node("Not", ["normal"], [ALARM]),
            node("Sub", ["whole", "without"], ["fall"]),
            node("Div", ["fall", "limit"], ["fall_of_ratio"]),
            node("Max", ["fall_of_ratio", "zero"], ["positive"]),
            node("Add", ["positive", "tiny"], ["parts"]),
            node("MatMul", ["parts", "ones"], ["sum"]),
            node("Div", ["parts", "sum"], ["shares"]),
            node("Where", ["hole", "nan", "shares"], [CONTRIBUTIONS]),
        ],
        "forest",
        [helper.make_tensor_value_info(ROWS, TensorProto.DOUBLE, ["n", columns])],
        [
            helper.make_tensor_value_info(SCORE, TensorProto.DOUBLE, ["n"]),
            helper.make_tensor_value_info(ALARM, TensorProto.BOOL, ["n"]),
            helper.make_tensor_value_info(CONTRIBUTIONS, TensorProto.DOUBLE, ["n", len(tags)]),
        ],
        [
            numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), key)
            for key, value in constants.items()
        ],
    )
    imports = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREE_OPSET)]
    exported = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="sluicegate")
    said = {"name": name, "version": version, "tags": json.dumps(list(tags)), "features": json.dumps(list(features))}
    helper.set_model_props(exported, said)
    onnx.checker.check_model(exported, full_check=True)
    serialised: bytes = exported.SerializeToString(deterministic=True)
    return serialised


def _rows_of(detector: ForestDetector) -> float:
    return float(detector.forest_.max_samples_)


def _mean_depth(rows: float) -> float:
    """c(n): mean depth of an unsuccessful search in a binary search tree of n rows (Liu, Ting and Zhou, equation 1)."""
    if rows <= 1:
        return 0.0
    return 1.0 if rows <= 2 else 2.0 * (float(np.log(rows - 1.0)) + EULER) - 2.0 * (rows - 1.0) / rows


def _trees(detector: ForestDetector) -> dict[str, Any]:
    """Attributes of the node: all trees, each leaf worth its depth plus c(rows in it)."""
    nodes: dict[str, list[Any]] = {
        key: [] for key in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
    }
    leaves: dict[str, list[Any]] = {"treeids": [], "nodeids": [], "ids": [], "weights": []}
    for at, estimator in enumerate(detector.forest_.estimators_):
        tree = estimator.tree_
        depth = np.zeros(tree.node_count)
        for number in range(tree.node_count):  # parents come before their children
            left, right = int(tree.children_left[number]), int(tree.children_right[number])
            leaf = left < 0
            if leaf:
                leaves["treeids"].append(at)
                leaves["nodeids"].append(number)
                leaves["ids"].append(0)
                leaves["weights"].append(float(depth[number] + _mean_depth(float(tree.n_node_samples[number]))))
            else:
                depth[[left, right]] = depth[number] + 1.0
            nodes["treeids"].append(at)
            nodes["nodeids"].append(number)
            nodes["featureids"].append(0 if leaf else int(tree.feature[number]))
            nodes["values"].append(0.0 if leaf else _floor32(float(tree.threshold[number])))
            nodes["modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            nodes["truenodeids"].append(max(left, 0))
            nodes["falsenodeids"].append(max(right, 0))
    attributes = {f"nodes_{key}": values for key, values in nodes.items()}
    attributes |= {f"target_{key}": values for key, values in leaves.items()}
    return {**attributes, "n_targets": 1, "aggregate_function": "SUM"}


def _floor32(threshold: float) -> float:
    """Largest float32 not above: a float32 value is <= the threshold exactly when it is <= this."""
    near = np.float32(threshold)
    return float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))
