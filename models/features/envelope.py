"""The envelope of a waveform's high frequencies, in whose spectrum a damaged bearing shows how often it is struck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from models.features.registry import Function, family, feature, refuse
from models.features.waveform import Matrix, Waves, of_waves
from models.segments import Column, ratio

SLIP = 0.02  # balls slide as well as roll: a fault frequency lies within 1 to 2 % of the computed one (Randall 2011)
_SOURCE = "Randall and Antoni 2011, Rolling element bearing diagnostics, Mech. Syst. Signal Process. 25"


@dataclass(frozen=True, eq=False)
class Envelope:
    """Envelope spectra of r runs.

    Attributes:
        amplitude: float64[r, lines], unit of the tag: of a swing of the envelope about its mean.
        mean: float64[r], of the envelope.
        step: Hz between two lines; line 0 is at 0 Hz and empty.
    """

    amplitude: Matrix
    mean: Column
    step: float


def envelope(w: Waves, low: float | None, high: float | None) -> Envelope | None:
    """Envelope spectra of a band; None = the band reaches beyond half the sampling rate, or holds no eight lines.

    The band's lines alone, shifted to 0 Hz and transformed back, are its analytic signal, whose modulus is the
    envelope (Hilbert transform by FFT). Twice as many points as lines, so that the square of the envelope is not
    folded; that is all the sampling the envelope needs, and makes it cheap.
    """
    band = w.lines(w.rate / 8 if low is None else low, w.rate / 2 if high is None else high)
    width = band.stop - band.start
    if width < 8:
        return None
    points = 2 * width
    analytic = np.fft.ifft(w.transform[:, band], n=points, axis=1)
    modulus = np.abs(analytic) * (2.0 * points / w.n)
    mean = modulus.mean(axis=1)
    amplitude = np.abs(np.fft.rfft(modulus - mean[:, None], axis=1)) * (2.0 / points)
    amplitude[:, 0] = 0.0
    return Envelope(amplitude, mean, w.rate / w.n)


@lru_cache(maxsize=64)
def _of_band(low: float | None, high: float | None) -> Callable[[Waves], Envelope | None]:
    """One function object per band: `Waves.shared` knows by it what it has made already."""

    def make(w: Waves) -> Envelope | None:
        return envelope(w, low, high)

    return make


@feature(
    "envelope_peak",
    unit="",
    formula="largest line of the spectrum of the envelope of rate / 8 <= f < rate / 2, over the envelope's mean; "
    "0 where that is 0",
    source=_SOURCE,
    waveform=True,
    spread=True,
)
@of_waves
def _envelope_peak(w: Waves) -> Column:
    found = w.shared(_of_band(None, None))
    return np.full(len(w.rows), np.nan) if found is None else ratio(found.amplitude.max(axis=1), found.mean)


@family(
    "envelope_amplitude",
    unit="u",
    formula="root of the sum over h = 1, 2, 3 of A^2, A = largest line of the envelope spectrum within 2 % of "
    "h {frequency} Hz; envelope of {low} <= f < {high} Hz (none = rate / 8, rate / 2)",
    source=_SOURCE,
    waveform=True,
    spread=True,
)
def envelope_amplitude(frequency: float, low: float | None = None, high: float | None = None) -> Function:
    """How strongly the high frequencies swell and fade at a rate in Hz and its next two multiples."""
    return swelling("envelope_amplitude", frequency, low, high)


def swelling(name: str, frequency: float, low: float | None, high: float | None) -> Function:
    """The function of `envelope_amplitude`; NaN where there is no line at the frequency.

    Raises:
        ValueError: The frequency is not above 0, or the band cannot be.
    """
    if frequency <= 0:
        refuse(name, "frequency", frequency, "above 0 Hz", "Write the rate at which a fault strikes.")
    if (low is None) != (high is None):
        refuse(name, "low, high", (low, high), "both given or both left out", "Give the band of a resonance in Hz.")
    if low is not None and high is not None and not 0 <= low < high:
        refuse(name, "low, high", (low, high), "a band in Hz, 0 <= low < high", "Write for example 2000 and 5000.")
    make = _of_band(low, high)

    def function(w: Waves) -> Column:
        found = w.shared(make)
        lines = 0 if found is None else found.amplitude.shape[1]
        total = np.zeros(len(w.rows))
        for harmonic in (1, 2, 3):
            place = harmonic * frequency / (w.rate / w.n)
            first, last = min(round(place * (1 - SLIP)), int(place)), max(round(place * (1 + SLIP)), int(place) + 1)
            if found is None or last >= lines or first < 1:
                if harmonic == 1:
                    return np.full(len(w.rows), np.nan)
                break  # a multiple beyond the envelope's spectrum adds nothing
            total += found.amplitude[:, first : last + 1].max(axis=1) ** 2
        return np.sqrt(total)

    return of_waves(function)
