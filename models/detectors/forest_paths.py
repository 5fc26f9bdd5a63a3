"""What a leaf of an isolation tree says: how deep it lies, and which columns' cuts brought a row there so soon.

The expected depth of a node is the mean, over the training rows in it, of the depth at which they end. Each cut on the
way to a leaf changes that expectation, and the changes add up to the leaf's depth less that of the root: so a short
path is shared out to the columns it was cut by, exactly, and for no more than one walk down the tree (path attribution,
as Saabas does it for forests of decision trees: Interpreting random forests, 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

EULER = 0.5772156649015329


@dataclass(frozen=True, slots=True, eq=False)
class Leaves:
    """Of one tree, by number of the node; what stands at a node that is no leaf means nothing.

    Attributes:
        depth: float64[nodes], steps from the root plus c(training rows in the leaf).
        shortened: float64[nodes, columns], by how much the cuts on each column brought the leaf nearer to the root.
    """

    depth: NDArray[np.float64]
    shortened: NDArray[np.float64]


def mean_depth(rows: float) -> float:
    """c(n): mean depth of an unsuccessful search in a binary search tree of n rows (Liu, Ting and Zhou, equation 1)."""
    if rows <= 1:
        return 0.0
    return 1.0 if rows <= 2 else 2.0 * (float(np.log(rows - 1.0)) + EULER) - 2.0 * (rows - 1.0) / rows


def leaves(tree: Any, columns: int) -> Leaves:
    """Of a fitted scikit-learn tree (`estimator.tree_`) on so many columns."""
    n = tree.node_count
    left, right, rows = tree.children_left, tree.children_right, tree.n_node_samples.astype(np.float64)
    depth = np.zeros(n)
    for node in range(n):  # parents come before their children
        if left[node] >= 0:
            depth[[left[node], right[node]]] = depth[node] + 1.0
    depth += [mean_depth(count) if below < 0 else 0.0 for count, below in zip(rows, left, strict=True)]
    expected = depth.copy()
    for node in range(n - 1, -1, -1):
        if left[node] >= 0:
            both = [left[node], right[node]]
            expected[node] = (rows[both] * expected[both]).sum() / rows[node]
    shortened = np.zeros((n, columns))
    for node in range(n):
        if left[node] >= 0:
            for child in (left[node], right[node]):
                shortened[child] = shortened[node]
                shortened[child, tree.feature[node]] += expected[node] - expected[child]
    return Leaves(depth, shortened)
