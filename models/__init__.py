"""What a model eats and says: features, scores, bundles, training, the ONNX engine.

Words owned here: feature, feature set, feature vector, score, threshold, bundle. "Model" always means a
machine-learning model.
"""

from __future__ import annotations
