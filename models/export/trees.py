"""An isolation forest as the attributes of one TreeEnsembleRegressor node."""

from __future__ import annotations

from typing import Any

import numpy as np

EULER = 0.5772156649015329


def mean_depth(rows: float) -> float:
    """c(n): mean depth of an unsuccessful search in a binary search tree of n rows (Liu, Ting and Zhou, equation 1)."""
    if rows <= 1:
        return 0.0
    return 1.0 if rows <= 2 else 2.0 * (float(np.log(rows - 1.0)) + EULER) - 2.0 * (rows - 1.0) / rows


def trees(forest: Any) -> dict[str, Any]:
    """All trees of a fitted `sklearn.ensemble.IsolationForest`, each leaf worth its depth plus c(rows in it)."""
    nodes: dict[str, list[Any]] = {
        key: [] for key in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
    }
    leaves: dict[str, list[Any]] = {"treeids": [], "nodeids": [], "ids": [], "weights": []}
    for at, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        depth = np.zeros(tree.node_count)
        for number in range(tree.node_count):  # parents come before their children
            left, right = int(tree.children_left[number]), int(tree.children_right[number])
            leaf = left < 0
            if leaf:
                leaves["treeids"].append(at)
                leaves["nodeids"].append(number)
                leaves["ids"].append(0)
                leaves["weights"].append(float(depth[number] + mean_depth(float(tree.n_node_samples[number]))))
            else:
                depth[[left, right]] = depth[number] + 1.0
            nodes["treeids"].append(at)
            nodes["nodeids"].append(number)
            nodes["featureids"].append(0 if leaf else int(tree.feature[number]))
            nodes["values"].append(0.0 if leaf else floor32(float(tree.threshold[number])))
            nodes["modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            nodes["truenodeids"].append(max(left, 0))
            nodes["falsenodeids"].append(max(right, 0))
    attributes = {f"nodes_{key}": values for key, values in nodes.items()}
    attributes |= {f"target_{key}": values for key, values in leaves.items()}
    return {**attributes, "n_targets": 1, "aggregate_function": "SUM"}


def floor32(threshold: float) -> float:
    """Largest float32 not above: a float32 value is <= the threshold exactly when it is <= this."""
    near = np.float32(threshold)
    return float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))
