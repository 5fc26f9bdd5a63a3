"""Makes the scikit-learn exports beside it: `python make_sklearn.py` where scikit-learn and skl2onnx are installed.

Two models of normality, on the same kind of rows as those of `make_pytorch.py`: their scores fall where one is unusual.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

HERE = Path(__file__).parent


def main() -> None:
    """Fit and convert."""
    rng = np.random.default_rng(11)
    load = rng.normal(size=(2000, 1, 1))
    rows = 50.0 + 3.0 * load + rng.normal(size=(2000, 2, 1)) + 0.3 * rng.normal(size=(2000, 2, 3))
    data = rows.reshape(len(rows), -1).astype(np.float32)
    mixture = GaussianMixture(2, random_state=0).fit(data)
    machine = make_pipeline(StandardScaler(), OneClassSVM(nu=0.01)).fit(data)
    opsets = {"": 17, "ai.onnx.ml": 3}
    for name, model, options in (
        ("mixture", mixture, {id(mixture): {"score_samples": True}}),
        ("svm", machine, None),
    ):
        exported = to_onnx(model, data[:1], target_opset=opsets, options=options)
        (HERE / f"sklearn_{name}.onnx").write_bytes(exported.SerializeToString())


if __name__ == "__main__":
    main()
