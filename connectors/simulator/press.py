"""A stamping press: 45 strokes a minute, each a pulse of force that costs the flywheel speed and the motor current."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connectors.simulator.disturbances import Disturbances
from connectors.simulator.station import STEP_NS, STEP_S, TICK_NS, TICKS_PER_BLOCK, TICKS_PER_STEP, Readings
from connectors.simulator.tags import OpcUaPoint
from connectors.tags import Tag, TagTable

ASSET = "press-1"
SAMPLING_RATE = 1000  # Hz, of the load cell
BLOCK = SAMPLING_RATE * TICKS_PER_BLOCK * TICK_NS // 10**9  # values an array
TABLES = {
    ASSET: TagTable(
        ASSET,
        (
            Tag("current", "A", STEP_S),
            Tag("oil_pressure", "bar", STEP_S),
            Tag("oil_temperature", "degC", STEP_S),
            Tag("strokes", "", STEP_S),
            Tag("force", "kN", 1.0 / SAMPLING_RATE, waveform=True),
        ),
    )
}
POINTS = tuple(OpcUaPoint(ASSET, tag.name, tag.waveform) for tag in TABLES[ASSET].tags)

_STROKE_NS = 60 * 10**9 // 45
_PEAK = 800.0  # kN
_WIDTH = 0.10  # of a stroke, for which the tool is in the sheet
_SPREAD = 0.015  # of the peak, from sheet to sheet
_NOISE = 2.0  # kN, of the load cell
_SHEETS = 4096  # after which thicknesses repeat
_SLOW = ((1.2, 8.0), (0.8, 6.0), (0.4, 15.0))  # (standard deviation, correlation time in s): A, bar, K


class Press:
    """The press in motion. Deterministic: the same seed and start give the same bytes."""

    board = None

    def __init__(self, seed: int, start_time_ns: int) -> None:
        """Warm and at speed. Args as `Station`."""
        self._tick = 0
        self._start = start_time_ns
        weather, cell, sheets = np.random.SeedSequence(seed).spawn(3)
        self._weather = Disturbances(np.random.default_rng(weather), _SLOW, STEP_S)
        self._cell = np.random.default_rng(cell)
        self._sheets = 1.0 + _SPREAD * np.random.default_rng(sheets).standard_normal(_SHEETS)

    @property
    def next_step_time(self) -> int:
        """When the next scalars come, ns since the epoch."""
        return self._start + (self._tick // TICKS_PER_STEP + 1) * STEP_NS

    def advance(self, ticks: int) -> Readings:
        """See `Machine`."""
        ticked = np.arange(self._tick + 1, self._tick + ticks + 1)
        self._tick += ticks
        after = ticked[ticked % TICKS_PER_STEP == 0] * TICK_NS
        block_after = ticked[ticked % TICKS_PER_BLOCK == 0] * TICK_NS
        return Readings(
            times=self._start + after,
            values={ASSET: self._scalars(after)},
            codes={ASSET: np.zeros((len(after), 4), dtype=np.uint32)},
            block_times=self._start + block_after,
            blocks={ASSET: self._force(block_after)},
        )

    def _scalars(self, after: NDArray[np.int64]) -> NDArray[np.float64]:
        slow = np.array(self._weather.walk(len(after))).reshape(-1, len(_SLOW))
        strokes, phase = np.divmod(after, _STROKE_NS)
        since = (phase / _STROKE_NS - 0.5) % 1.0  # of a stroke, since the middle of the last pulse
        recovering = np.exp(-since / 0.3)  # the motor gives the flywheel back what the pulse took
        columns = (60.0 + 45.0 * recovering, 140.0 - 9.0 * recovering, np.full(len(after), 46.0))
        return np.column_stack([column + slow[:, i] for i, column in enumerate(columns)] + [strokes])

    def _force(self, after: NDArray[np.int64]) -> NDArray[np.float64]:
        """Raised cosine around the middle of each stroke; a row a block."""
        steps = np.arange(1 - BLOCK, 1) * (10**9 // SAMPLING_RATE)
        strokes, phase = np.divmod(after[:, None] + steps, _STROKE_NS)
        offset = (phase / _STROKE_NS - 0.5) / _WIDTH
        pulse = np.where(np.abs(offset) < 0.5, 0.5 + 0.5 * np.cos(2 * np.pi * offset), 0.0)
        force = _PEAK * self._sheets[strokes % _SHEETS] * pulse
        noisy: NDArray[np.float32] = (force + _NOISE * self._cell.standard_normal(force.shape)).astype(np.float32)
        return noisy.astype(np.float64)  # as the sensor sends it
