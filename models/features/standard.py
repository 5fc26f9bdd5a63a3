"""The feature sets that are shipped. What a set computes never changes under its version: bundles keep its hash."""

from __future__ import annotations

from models.features import (  # noqa: F401 - they register what the sets name
    bearing,
    change,
    envelope,
    order,
    spectral_kurtosis,
    statistics,
    time_weighted,
)
from models.features.sets import FeatureSet
from models.features.spectral import OCTAVES, octave_energy

STANDARD = FeatureSet(
    "standard",
    1,
    ("mean", "std", "min", "max", "rms", "first", "last", "slope", "skewness", "kurtosis", "mean_abs_change", "crest"),
)

# For waveforms, at any sampling rate and in any unit: spread and shape, where the energy lies, how the high frequencies
# swell. A run of 64 even samples will do.
VIBRATION = FeatureSet(
    "vibration",
    1,
    (
        *("std", "peak", "crest_factor", "skewness", "kurtosis", "spectral_centroid"),
        *(octave_energy(octave) for octave in range(OCTAVES)),
        "envelope_peak",
    ),
)

# For tags that are sent on change only: what was in force and for how long, not how often it was told.
IRREGULAR = FeatureSet(
    "irregular", 1, ("count", "tw_mean", "tw_std", "tw_rms", "tw_min", "tw_max", "tw_last", "travel")
)

SETS = {each.name: each for each in (STANDARD, VIBRATION, IRREGULAR)}
