"""The feature sets that are shipped. What a set computes never changes under its version: bundles keep its hash."""

from __future__ import annotations

from models.features import change, order, statistics, time_weighted  # noqa: F401 - registers what the sets name
from models.features.sets import FeatureSet

STANDARD = FeatureSet(
    "standard",
    1,
    ("mean", "std", "min", "max", "rms", "first", "last", "slope", "skewness", "kurtosis", "mean_abs_change", "crest"),
)

# For tags that are sent on change only: what was in force and for how long, not how often it was told.
IRREGULAR = FeatureSet(
    "irregular", 1, ("count", "tw_mean", "tw_std", "tw_rms", "tw_min", "tw_max", "tw_last", "travel")
)

SETS = {each.name: each for each in (STANDARD, IRREGULAR)}
