"""A day of 64 signals at 10 Hz: 8 assets with 8 tags, a function of time alone. Synthetic, made like a plant's.

Noise, slow drift, set points that change, a tank that fills and empties, a valve that mostly stands still, and five
faults. Five of eight tags have six digits, as transmitters and PLCs hand them over, and three are coarse: float32
values of the public recording SKAB take 2.2 bytes each in Parquet with BYTE_STREAM_SPLIT and zstd 3, these take less
than 2. Times are even to the nanosecond and every sample is good. Both favours the raw forms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable

HERTZ = 10
HOURS = 24
START = 1_767_225_600 * 10**9  # 2026-01-01
_HOUR_S = 3600
# name, unit, middle, drift, noise, resolution
_KINDS = (
    ("bearing_temperature", "°C", 61.0, 4.0, 0.1, 1e-4),
    ("discharge_pressure", "bar", 6.2, 0.3, 0.1, 0.05),
    ("flow", "m3/h", 84.0, 6.0, 0.8, 1e-3),
    ("vibration", "mm/s", 2.4, 0.3, 0.15, 1e-5),
    ("motor_current", "A", 31.0, 3.0, 0.3, 1e-4),
    ("tank_level", "%", 50.0, 1.0, 0.2, 0.1),
    ("speed", "rpm", 1480.0, 0.0, 1.5, 1e-2),
    ("valve_position", "%", 40.0, 0.0, 0.0, 0.5),
)
_FAULTS = {(3, 9, 3), (3, 15, 3), (5, 11, 0), (6, 17, 4), (1, 21, 2)}  # asset, hour, tag: unsteady for ten minutes
TABLES = tuple(
    TagTable(f"pump-{asset:02}", tuple(Tag(name, unit, 1 / HERTZ) for name, unit, *_ in _KINDS)) for asset in range(8)
)


def times(hour: int) -> NDArray[np.int64]:
    """int64[36,000], ns."""
    return START + (hour * _HOUR_S * HERTZ + np.arange(_HOUR_S * HERTZ)) * (10**9 // HERTZ)


def values(asset: int, hour: int) -> NDArray[np.float64]:
    """float64[36,000, 8]."""
    at_s = (times(hour) - START) / 1e9
    chance = np.random.default_rng([asset, hour])
    columns = []
    for number, (_, _, middle, drift, noise, resolution) in enumerate(_KINDS):
        phases = np.random.default_rng([asset, number]).uniform(0, 2 * np.pi, 3)
        waves = sum(
            np.sin(2 * np.pi * at_s / period + p) for period, p in zip((86_400, 9000, 1300), phases, strict=True)
        )
        step = _steps(at_s, asset, number) * middle * 0.05
        value = middle + drift * waves / 3 + step + chance.normal(0, 1, len(at_s)) * noise
        if number == 5:
            value += 30 * (np.abs((at_s / 2400 + phases[0]) % 2 - 1) - 0.5)
        if (asset, hour, number) in _FAULTS:
            value += chance.normal(0, 5 * noise, len(at_s)) * (at_s % _HOUR_S // 600 == 2)
        columns.append(np.round(value / resolution) * resolution)
    return np.stack(columns, axis=1).round(6)


def _steps(at_s: NDArray[np.float64], asset: int, number: int) -> NDArray[np.float64]:
    """A set point that changes about every 17 min."""
    levels = np.random.default_rng([asset, number, 7]).integers(-2, 3, 200)
    return levels[(at_s // 1020).astype(int)].astype(np.float64)


def blocks(hour: int, seconds: int = 60) -> list[SampleBatch]:
    """The hour as drivers hand it over, a block for each asset and minute, in order of time."""
    rows = seconds * HERTZ
    at = times(hour)
    by_asset = [values(asset, hour) for asset in range(len(TABLES))]
    found = []
    for first in range(0, len(at), rows):
        time = np.repeat(at[first : first + rows], len(_KINDS))
        tag = np.tile(np.arange(len(_KINDS), dtype=np.uint16), rows)
        for table, value in zip(TABLES, by_asset, strict=True):
            block = value[first : first + rows].ravel()
            found.append(SampleBatch(table, tag, time, block, np.zeros(len(tag), np.uint32), int(time[-1])))
    return found
