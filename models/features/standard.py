"""The feature sets that are shipped. What a set computes never changes under its version: bundles keep its hash."""

from __future__ import annotations

from models.features import change, statistics  # noqa: F401 - registers what the sets name
from models.features.sets import FeatureSet

STANDARD = FeatureSet(
    "standard",
    1,
    ("mean", "std", "min", "max", "rms", "first", "last", "slope", "skewness", "kurtosis", "mean_abs_change", "crest"),
)

SETS = {each.name: each for each in (STANDARD,)}
