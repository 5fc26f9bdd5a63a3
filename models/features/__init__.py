"""Features: one number per tag and window, computed for many windows at once.

`registry` says what a feature is and how one is added, `sets` puts them into named sets, `standard` names those that
are shipped; the other modules hold the features, each one kind.
"""

from __future__ import annotations

from models.context import Context
from models.features.bearing import Geometry, bearing, bpfi, bpfo, bsf, ftf
from models.features.change import autocorrelation, crossings
from models.features.envelope import envelope_amplitude
from models.features.order import quantile
from models.features.registry import Family, Feature, Function, families, family, feature, lookup, refuse, registered
from models.features.sets import PIECE, FeatureSet
from models.features.spectral import band_energy, octave_energy, peak_amplitude, peak_frequency, velocity_rms
from models.features.spectral_kurtosis import spectral_kurtosis
from models.features.standard import IRREGULAR, SETS, STANDARD, VIBRATION
from models.features.time_weighted import time_above, time_in_state
from models.segments import Column, Segments, join, offsets_of, ratio

__all__ = [
    "IRREGULAR",
    "PIECE",
    "SETS",
    "STANDARD",
    "VIBRATION",
    "Column",
    "Context",
    "Family",
    "Feature",
    "FeatureSet",
    "Function",
    "Geometry",
    "Segments",
    "autocorrelation",
    "band_energy",
    "bearing",
    "bpfi",
    "bpfo",
    "bsf",
    "crossings",
    "envelope_amplitude",
    "families",
    "family",
    "feature",
    "ftf",
    "join",
    "lookup",
    "octave_energy",
    "offsets_of",
    "peak_amplitude",
    "peak_frequency",
    "quantile",
    "ratio",
    "refuse",
    "registered",
    "spectral_kurtosis",
    "time_above",
    "time_in_state",
    "velocity_rms",
]
