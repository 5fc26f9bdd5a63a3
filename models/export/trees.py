"""An isolation forest as the attributes of one TreeEnsembleRegressor node."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.detectors.forest import ForestDetector


def trees(detector: ForestDetector, tags: int) -> dict[str, Any]:
    """All trees of a fitted forest. Targets: depth of the leaves, then by how much each tag has shortened it."""
    nodes: dict[str, list[Any]] = {
        key: [] for key in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
    }
    leaves: dict[str, list[Any]] = {"treeids": [], "nodeids": [], "ids": [], "weights": []}
    for at, (estimator, said) in enumerate(zip(detector.forest_.estimators_, detector.leaves_, strict=True)):
        tree = estimator.tree_
        by_tag = said.shortened.reshape(tree.node_count, tags, -1).sum(axis=2)
        for number in range(tree.node_count):  # parents come before their children
            left, right = int(tree.children_left[number]), int(tree.children_right[number])
            leaf = left < 0
            if leaf:
                cut = np.flatnonzero(by_tag[number])  # a third of the tags is on no path to the leaf
                leaves["treeids"] += [at] * (1 + len(cut))
                leaves["nodeids"] += [number] * (1 + len(cut))
                leaves["ids"] += [0, *(1 + cut).tolist()]
                leaves["weights"] += [float(said.depth[number]), *by_tag[number, cut].tolist()]
            nodes["treeids"].append(at)
            nodes["nodeids"].append(number)
            nodes["featureids"].append(0 if leaf else int(tree.feature[number]))
            nodes["values"].append(0.0 if leaf else floor32(float(tree.threshold[number])))
            nodes["modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            nodes["truenodeids"].append(max(left, 0))
            nodes["falsenodeids"].append(max(right, 0))
    attributes = {f"nodes_{key}": values for key, values in nodes.items()}
    attributes |= {f"target_{key}": values for key, values in leaves.items()}
    return {**attributes, "n_targets": 1 + tags, "aggregate_function": "SUM"}


def floor32(threshold: float) -> float:
    """Largest float32 not above: a float32 value is <= the threshold exactly when it is <= this."""
    near = np.float32(threshold)
    return float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))
