"""Detectors as ONNX graphs, written node by node. `models.export.door.export` takes any of them.

A graph that a general converter writes of a fitted scikit-learn estimator scores, and no more. Ours is in float64 from
end to end, carries limit, blame, alarm and state, and of a forest it is fifty times faster; most are a dozen nodes.
"""

from __future__ import annotations
