"""Spectral kurtosis: at which frequencies, and how much, a waveform is made of bursts rather than steady noise."""

from __future__ import annotations

import numpy as np

from models.features.registry import Function, family, refuse
from models.features.waveform import Waves, of_waves
from models.segments import Column

_FEWEST_FRAMES = 8  # a mean fourth power over fewer says nothing
_LEAST, _MOST = 16, 65_536


@family(
    "spectral_kurtosis",
    unit="",
    formula="largest over f of mean(|X|^4) / mean(|X|^2)^2 - 2, X over half-overlapping Hann frames of {frame} "
    "samples, without the lowest two lines and the highest; 0 where X = 0, NaN with fewer than 8 frames",
    source="Antoni 2006, The spectral kurtosis, Mech. Syst. Signal Process. 20, by short-time transforms",
    waveform=True,
)
def spectral_kurtosis(frame: float = 128) -> Function:
    """About 0 for steady noise, -1 for steady tones, large where something rings again and again."""
    if not _LEAST <= frame <= _MOST or frame != 2 ** int(np.log2(frame)):
        refuse("spectral_kurtosis", "frame", frame, f"a power of two from {_LEAST} to {_MOST} samples", "Write 128.")
    n = int(frame)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)

    def function(w: Waves) -> Column:
        count = (w.n - n) // (n // 2) + 1
        if count < _FEWEST_FRAMES:
            return np.full(len(w.rows), np.nan)
        frames = np.lib.stride_tricks.sliding_window_view(w.value, n, axis=1)[:, :: n // 2]
        lines = np.fft.rfft(frames * hann, axis=2)[:, :, 2:-1]
        square = lines.real**2 + lines.imag**2
        second, fourth = square.mean(axis=1), (square * square).mean(axis=1)
        found = np.divide(fourth, second**2, out=np.full_like(second, 2.0), where=second > 0)
        largest: Column = found.max(axis=1) - 2.0
        return largest

    return of_waves(function)
