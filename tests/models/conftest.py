from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.feature_rows import FeatureRows
from models.features import FeatureSet
from models.training import TrainingReport, train

sys.path.insert(0, str(Path(__file__).parent))  # the waves beside this file

TINY_SET = FeatureSet("tiny", 1, ("mean", "std", "max"))
TAGS = ("flow", "pressure")
SECOND = 10**9


def normal_rows(n: int = 120, tags: int = 2, *, seed: int = 1) -> NDArray[np.float64]:
    """Rows of a plant in order: one hidden load moves every tag, each feature has noise of its own."""
    rng = np.random.default_rng(seed)
    load = rng.normal(size=(n, 1, 1))
    return 50.0 + 3.0 * load + rng.normal(size=(n, tags, 1)) + 0.3 * rng.normal(size=(n, tags, 3))


def recipe(out: Path, n: int = 120, **changes: Any) -> dict[str, Any]:
    """Arguments of `taught` for the rows above."""
    return {
        "tags": TAGS,
        "units": ("m3/h", "bar"),
        "feature_set": TINY_SET,
        "window_length_ns": 10 * SECOND,
        "window_every_ns": 5 * SECOND,
        "starts": (1_700_000_000 + 5 * np.arange(n)) * SECOND,
        "name": "press",
        "version": "1",
        "out": out,
        **changes,
    }


def taught(values: NDArray[np.float64], **given: Any) -> TrainingReport:
    """`train` on such rows, whatever of the arguments is theirs."""
    of_rows = {field.name for field in fields(FeatureRows)}
    rows = FeatureRows(values=values, **{name: value for name, value in given.items() if name in of_rows})
    return train(rows, **{name: value for name, value in given.items() if name not in of_rows})


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> TrainingReport:
    return taught(normal_rows(), **recipe(tmp_path_factory.mktemp("bundles") / "press-1"))


@pytest.fixture
def teach() -> Callable[..., TrainingReport]:
    return taught


@pytest.fixture
def rows() -> Callable[..., NDArray[np.float64]]:
    return normal_rows


@pytest.fixture
def arguments() -> Callable[..., dict[str, Any]]:
    return recipe
