"""Features of the spectrum of a waveform: where its energy lies, its peaks, its vibration severity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.features.registry import Function, family, feature, refuse
from models.features.waveform import Matrix, Waves, of_waves
from models.segments import Column, ratio

OCTAVES = 5  # below half the sampling rate; a run of 64 samples has lines in each
STANDARD_GRAVITY = 9.80665  # m/s^2
_TO_MM_S2 = {
    **dict.fromkeys(("m/s2", "m/s^2", "m/s²", "m/s**2"), 1e3),
    **dict.fromkeys(("mm/s2", "mm/s^2", "mm/s²", "mm/s**2"), 1.0),
    **dict.fromkeys(("g", "[g]", "gn", "g_n"), 1e3 * STANDARD_GRAVITY),
}
_TO_MM_S = {"mm/s": 1.0, "m/s": 1e3}


@feature(
    "spectral_centroid",
    unit="Hz",
    formula="sum(f |X(f)|) / sum(|X(f)|), X of x - mean without a window, 0 where that is 0",
    source="Peeters 2004, A large set of audio features; tsfel spectral_centroid",
    waveform=True,
)
@of_waves
def _spectral_centroid(w: Waves) -> Column:
    size = np.abs(w.transform)
    return ratio((size * w.frequency).sum(axis=1), size.sum(axis=1))


@family(
    "band_energy",
    unit="u^2",
    formula="sum(P(f)), {low} <= f < {high} Hz, P = mean square in each line of the Hann periodogram",
    source="scipy.signal.periodogram, window=hann, scaling=density, times the width of a line",
    waveform=True,
    spread=True,
)
def band_energy(low: float, high: float) -> Function:
    """Mean square within a band in Hz; NaN where it reaches beyond half the sampling rate or holds no line."""
    _check_band("band_energy", low, high)
    return of_waves(lambda w: _sum(w.power[:, w.lines(low, high)]))


@family(
    "octave_energy",
    unit="u^2",
    formula="sum(P(f)), octave {octave}: rate / 2^({octave} + 2) <= f < rate / 2^({octave} + 1), P as in band_energy",
    source="octave bands below half the sampling rate",
    waveform=True,
    spread=True,
)
def octave_energy(octave: float) -> Function:
    """Mean square within an octave, whatever the sampling rate: 0 is the one that ends at half of it."""
    if octave not in range(OCTAVES):
        refuse("octave_energy", "octave", octave, f"0 to {OCTAVES - 1}", "Use band_energy for a band in Hz.")
    return of_waves(lambda w: _sum(w.power[:, w.lines(w.rate / 2 ** (octave + 2), w.rate / 2 ** (octave + 1))]))


@family(
    "velocity_rms",
    unit="mm/s",
    formula="sqrt(sum(P(f) (c / (2 pi f))^2)), {low} <= f < {high} Hz, P as in band_energy; c from the tag's unit: "
    "m/s2, mm/s2 and g to mm/s^2; of a tag in mm/s or m/s without the division; NaN in other units",
    source="vibration severity, ISO 20816-1; g = 9.80665 m/s^2, ISO 80000-3",
    waveform=True,
    spread=True,
)
def velocity_rms(low: float = 10, high: float = 1000) -> Function:
    """Vibration velocity within a band, integrated from acceleration; NaN where `band_energy` is, or of other units.

    Of a tone at f it is too large by (df / f)^2 / 2, df = rate / n: a window of 1 s and 10 Hz give half a percent.
    """
    _check_band("velocity_rms", low, high)
    if low <= 0:
        refuse("velocity_rms", "low", low, "above 0 Hz", "ISO 20816 has 10 Hz, 2 Hz for slow machines.")

    def function(w: Waves) -> Column:
        band = w.lines(low, high)
        speed = np.array([_TO_MM_S.get(unit, np.nan) for unit in w.unit.tolist()])
        acceleration = np.array([_TO_MM_S2.get(unit, np.nan) for unit in w.unit.tolist()])
        integrated = acceleration * np.sqrt(_sum(w.power[:, band] / (2 * np.pi * w.frequency[band]) ** 2))
        return np.where(np.isnan(speed), integrated, speed * np.sqrt(_sum(w.power[:, band])))

    return of_waves(function)


@family(
    "peak_frequency",
    unit="Hz",
    formula="f of the {rank}. largest line of P that exceeds its neighbours, P as in band_energy; 0 without one",
    source="scipy.signal.find_peaks",
    waveform=True,
)
def peak_frequency(rank: float = 1) -> Function:
    """Where the largest peak of the spectrum lies, or the second ..."""
    _check_rank("peak_frequency", rank)
    return of_waves(lambda w: w.frequency[w.shared(_peaks)[:, int(rank) - 1]])


@family(
    "peak_amplitude",
    unit="u",
    formula="sqrt(1.5 * 2 P(f)), at the {rank}. largest line of P that exceeds its neighbours; 0 where there is none",
    source="amplitude of a sine on a line; a Hann window is as wide as 1.5 lines (Harris 1978, table I)",
    waveform=True,
    spread=True,
)
def peak_amplitude(rank: float = 1) -> Function:
    """How large the largest peak of the spectrum is, or the second ..."""
    _check_rank("peak_amplitude", rank)

    def function(w: Waves) -> Column:
        place = w.shared(_peaks)[:, int(rank) - 1]
        power = np.take_along_axis(w.power, place[:, None], axis=1)[:, 0]
        return np.where(place > 0, np.sqrt(3.0 * power), 0.0)

    return of_waves(function)


_MOST_PEAKS = 10


def _peaks(w: Waves) -> NDArray[np.int64]:
    """int64[r, 10], lines of the peaks, largest first; 0 where there are no more."""
    inner = w.power[:, 1:-1]
    peak = (inner > w.power[:, :-2]) & (inner > w.power[:, 2:])
    height = np.where(peak, inner, 0.0)
    order = np.argsort(-height, axis=1, kind="stable")[:, :_MOST_PEAKS]
    places: NDArray[np.int64] = np.where(np.take_along_axis(height, order, axis=1) > 0, order + 1, 0)
    return places


def _sum(lines: Matrix) -> Column:
    """Over the lines of a band; NaN where it holds none."""
    total: Column = lines.sum(axis=1) if lines.shape[1] else np.full(len(lines), np.nan)
    return total


def _check_band(name: str, low: float, high: float) -> None:
    if not 0 <= low < high:
        refuse(name, "low, high", (low, high), "a band in Hz, 0 <= low < high", "Write for example 10 and 1000.")


def _check_rank(name: str, rank: float) -> None:
    if rank not in range(1, _MOST_PEAKS + 1):
        refuse(name, "rank", rank, f"a whole number from 1 to {_MOST_PEAKS}", "Write 1 for the largest peak.")
