"""A small gateway with one asset, and bundles that fit it. Used by the tests of this folder and below."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.feature_rows import FeatureRows
from models.features import FeatureSet
from models.training import train

SECOND = 10**9
TAGS = ("flow", "power")
FEATURES = ("mean", "std", "max")
CONFIG = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"

[[target]]
kind = "file"
path = "target"

[windows]
length = "2s"
every = "1s"

[features]
set = "tiny"
names = ["mean", "std", "max"]

[models]
shadow_windows = 50

[[model]]
assets = ["mill"]
name = "press"

[[opcua]]
name = "plc"
endpoint = "opc.tcp://127.0.0.1:4840"
policy = "None"
mode = "None"

[[opcua.tags]]
asset = "mill"
tag = "flow"
node = "nsu=urn:mill;s=flow"
expect_every = "100ms"

[[opcua.tags]]
asset = "mill"
tag = "power"
node = "nsu=urn:mill;s=power"
expect_every = "100ms"
"""


def make_bundle(out: Path, version: str, *, seed: int = 1, name: str = "press", counter: int = 0) -> Path:
    """A model of rows around 50."""
    rng = np.random.default_rng(seed)
    rows = FeatureRows(
        values=50.0 + rng.normal(size=(120, 2, 3)),
        starts=np.arange(120) * SECOND,
        tags=TAGS,
        feature_set=FeatureSet.from_names(FEATURES, "tiny"),
        window_length_ns=2 * SECOND,
        window_every_ns=SECOND,
    )
    train(rows, name=name, version=version, out=out, counter=counter, detector="mahalanobis")
    return out
