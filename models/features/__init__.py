"""Features: one number per tag and window, computed for many windows at once.

`registry` says what a feature is and how one is added, `sets` puts them into named sets, `standard` names those that
are shipped; the other modules hold the features, each one kind.
"""

from __future__ import annotations

from models.context import Context
from models.features.change import autocorrelation, crossings
from models.features.order import quantile
from models.features.registry import Family, Feature, Function, families, family, feature, lookup, refuse, registered
from models.features.sets import PIECE, FeatureSet
from models.features.standard import IRREGULAR, SETS, STANDARD
from models.features.time_weighted import time_above, time_in_state
from models.segments import Column, Segments, join, offsets_of, ratio

__all__ = [
    "IRREGULAR",
    "PIECE",
    "SETS",
    "STANDARD",
    "Column",
    "Context",
    "Family",
    "Feature",
    "FeatureSet",
    "Function",
    "Segments",
    "autocorrelation",
    "crossings",
    "families",
    "family",
    "feature",
    "join",
    "lookup",
    "offsets_of",
    "quantile",
    "ratio",
    "refuse",
    "registered",
    "time_above",
    "time_in_state",
]
