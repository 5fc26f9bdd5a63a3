from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from models.feature_rows import FeatureRows
from models.features import FeatureSet

sys.path.insert(0, str(Path(__file__).parent))  # the models beside this file

SECOND = 10**9


@pytest.fixture(scope="session")
def rows() -> FeatureRows:
    """Rows of a plant in order: one hidden load moves every tag; as the PyTorch models were trained on, other ones."""
    rng = np.random.default_rng(5)
    load = rng.normal(size=(600, 1, 1))
    values = 50.0 + 3.0 * load + rng.normal(size=(600, 2, 1)) + 0.3 * rng.normal(size=(600, 2, 3))
    return FeatureRows(
        values=values,
        starts=(1_700_000_000 + 5 * np.arange(600)) * SECOND,
        tags=("flow", "pressure"),
        units=("m3/h", "bar"),
        feature_set=FeatureSet("tiny", 1, ("mean", "std", "max")),
        window_length_ns=10 * SECOND,
        window_every_ns=5 * SECOND,
    )
