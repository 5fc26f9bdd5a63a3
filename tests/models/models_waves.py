"""Waveforms for tests."""

from __future__ import annotations

import numpy as np

from models.features import Column, Context, Segments, offsets_of


def waveforms(*values: Column, rate: float = 1000.0, unit: str = "m/s2", waveform: bool = True) -> Segments:
    """One segment each, evenly spaced."""
    times = [np.arange(len(value)) / rate for value in values]
    return timed(list(zip(times, values, strict=True)), rate=rate, unit=unit, waveform=waveform)


def timed(
    parts: list[tuple[Column, Column]], *, rate: float = 1000.0, unit: str = "m/s2", waveform: bool = True
) -> Segments:
    """One segment for each pair of times (seconds) and values."""
    k = len(parts)
    context = Context(
        length_s=np.full(k, 10.0),
        interval_s=np.full(k, 1 / rate),
        expected=np.full(k, np.nan),
        waveform=np.full(k, waveform),
        held=np.full(k, np.nan),
        unit=np.full(k, unit),
        bad=np.zeros(k, dtype=np.int64),
        bad_time_s=np.empty(0),
    )
    return Segments(
        np.concatenate([value for _, value in parts]).astype(float),
        np.concatenate([time for time, _ in parts]),
        offsets_of(np.array([len(value) for _, value in parts])),
        lambda: context,
    )


def sine(frequency: float, amplitude: float = 1.0, n: int = 1000, rate: float = 1000.0, phase: float = 0.3) -> Column:
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(n) / rate + phase)
