"""Statistics of the samples as they came, whatever lies between them: counts, moments, extremes."""

from __future__ import annotations

import numpy as np

from models.features.registry import feature
from models.segments import Column, Segments, ratio


@feature("count", unit="", formula="n, 0 for none", source="definition", over="all")
def _count(s: Segments) -> Column:
    return s.counts.astype(np.float64)


@feature(
    "missing_fraction",
    unit="",
    formula="1 - min(n / expected, 1); bad / (n + bad) where nothing is expected at intervals; then, without a sample, "
    "0 if a value is in force and 1 if not",
    source="complement of the coverage of a window",
    over="all",
)
def _missing_fraction(s: Segments) -> Column:
    context, n = s.context, s.counts.astype(np.float64)
    came = n + context.bad
    silent = np.where(np.isfinite(context.held), 0.0, 1.0)
    unexpected = np.where(came > 0, ratio(context.bad.astype(np.float64), came), silent)
    known = context.expected > 0
    return np.where(known, 1.0 - np.minimum(ratio(n, np.where(known, context.expected, 1.0)), 1.0), unexpected)


@feature("mean", unit="u", formula="sum(x) / n", source="definition")
def _mean(s: Segments) -> Column:
    return s.mean


@feature("std", unit="u", formula="sqrt(m2), m2 = sum((x - mean)^2) / n", source="numpy.std, ddof=0", spread=True)
def _std(s: Segments) -> Column:
    return np.sqrt(s.central_moments[0])


@feature("min", unit="u", formula="min(x)", source="definition")
def _min(s: Segments) -> Column:
    return s.minimum


@feature("max", unit="u", formula="max(x)", source="definition")
def _max(s: Segments) -> Column:
    return s.maximum


@feature("range", unit="u", formula="max(x) - min(x)", source="numpy.ptp", spread=True)
def _range(s: Segments) -> Column:
    return s.maximum - s.minimum


@feature("rms", unit="u", formula="sqrt(sum(x^2) / n)", source="definition")
def _rms(s: Segments) -> Column:
    return s.rms


@feature("energy", unit="u^2", formula="sum(x^2)", source="tsfel abs_energy, tsfresh abs_energy")
def _energy(s: Segments) -> Column:
    return s.sum(s.value * s.value)


@feature("first", unit="u", formula="x[0]", source="definition")
def _first(s: Segments) -> Column:
    return s.value[s.starts]


@feature("last", unit="u", formula="x[n-1]", source="definition")
def _last(s: Segments) -> Column:
    return s.value[s.ends]


@feature("skewness", unit="", formula="m3 / m2^1.5, 0 where m2 = 0", source="scipy.stats.skew, bias=True")
def _skewness(s: Segments) -> Column:
    m2, m3, _ = s.central_moments
    return ratio(m3, m2 * np.sqrt(m2))


@feature(
    "kurtosis", unit="", formula="m4 / m2^2 - 3, 0 where m2 = 0", source="scipy.stats.kurtosis, fisher=True, bias=True"
)
def _kurtosis(s: Segments) -> Column:
    m2, _, m4 = s.central_moments
    square = m2 * m2
    return np.where(square > 0, ratio(m4, square) - 3.0, 0.0)


@feature("crest", unit="", formula="max(|x|) / rms, 0 where rms = 0", source="crest factor, ISO 13373-1")
def _crest(s: Segments) -> Column:
    return ratio(np.maximum(np.abs(s.minimum), np.abs(s.maximum)), s.rms)


@feature("peak", unit="u", formula="max(|x - mean|)", source="zero-to-peak, ISO 2041", waveform=True, spread=True)
def _peak(s: Segments) -> Column:
    return np.where(s.context.waveform, _swing(s), np.nan)


@feature(
    "crest_factor",
    unit="",
    formula="max(|x - mean|) / std, 0 where std = 0",
    source="crest factor of the alternating part, ISO 13373-1",
    waveform=True,
)
def _crest_factor(s: Segments) -> Column:
    return np.where(s.context.waveform, ratio(_swing(s), np.sqrt(s.central_moments[0])), np.nan)


def _swing(s: Segments) -> Column:
    return np.maximum(s.maximum - s.mean, s.mean - s.minimum)
