"""Acceleration at the pump's bearing housing as the sensor samples it: many blocks of 1,024 values at a time.

A block is made under the conditions at its end; only the shaft's angle and the ball passes run on from block to block,
so that the tones have no seams. Noise comes from generators that are read strictly in order: one block at a time or a
thousand at once gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.simulator import physics

SAMPLING_RATE = 4096  # Hz
BLOCK = 1024  # values an array: four arrays a second
BLOCK_S = BLOCK / SAMPLING_RATE

# Order of the shaft speed, amplitude in m/s2, phase in turns: unbalance, misalignment, its third, blade pass.
_TONES = ((1, 0.60, 0.0), (2, 0.30, 0.31), (3, 0.15, 0.77), (physics.VANES, 0.80, 0.13))
_NOISE = 0.60  # m/s2, flow and sensor

_IMPACT = 14.0  # m/s2, height of a ball's ring-down at full severity
_RESONANCE = 1450.0  # Hz, of the housing
_RING_TIME = 2.6e-3  # s: 1 / (2 pi f zeta), 4 % damping
_SLIP = 0.02  # of the spacing: balls do not roll purely, their passes jitter
_TABLE = 4096  # ball passes after which heights and jitter repeat

_COLLAPSE = 3.5  # m/s2, broadband noise of collapsing bubbles at full severity
_BURSTS = 16  # clusters of bubbles in a block


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the waveform of m blocks depends on; float64[m] each.

    Attributes:
        turn: Shaft angle at the beginning, in turns.
        speed: 1/s.
        passes: Ball passes of the outer race so far, at the beginning.
        pass_rate: Ball passes a second.
        tone: Factor on the tones, around 1.
        noise: Factor on the noise, around 1.
        wear: Severity 0..1 of bearing wear.
        cavitation: Severity 0..1.
    """

    turn: NDArray[np.float64]
    speed: NDArray[np.float64]
    passes: NDArray[np.float64]
    pass_rate: NDArray[np.float64]
    tone: NDArray[np.float64]
    noise: NDArray[np.float64]
    wear: NDArray[np.float64]
    cavitation: NDArray[np.float64]


class VibrationSensor:
    """One sensor's noise: generators of its own, so that nothing that happens to one pump is heard on the other."""

    def __init__(self, seed: np.random.SeedSequence) -> None:
        noise, bubbles, balls = seed.spawn(3)
        self._noise = np.random.Generator(np.random.PCG64(noise))
        self._bubbles = np.random.Generator(np.random.PCG64(bubbles))
        table = np.random.Generator(np.random.PCG64(balls))
        self._height = table.lognormal(0.0, 0.25, _TABLE)
        self._jitter = _SLIP * np.abs(table.standard_normal(_TABLE))

    def sample(self, at: Conditions) -> NDArray[np.float64]:
        """The next m arrays.

        Args:
            at: Conditions of m blocks that follow each other.

        Returns:
            float64[m, BLOCK] in m/s2.
        """
        seconds = np.arange(1, BLOCK + 1, dtype=np.float64) / SAMPLING_RATE
        turns = at.turn[:, None] + at.speed[:, None] * seconds
        wave = self._noise.standard_normal(turns.shape)
        wave *= _NOISE * at.noise[:, None]
        for order, amplitude, phase in _TONES:
            wave += (amplitude * at.tone)[:, None] * np.sin(2.0 * np.pi * (order * turns + phase))
        worn = np.flatnonzero(at.wear)
        if len(worn):
            wave[worn] += self._impacts(at, worn, seconds)
        bubbling = np.flatnonzero(at.cavitation)
        if len(bubbling):
            wave[bubbling] += at.cavitation[bubbling, None] * self._collapses(len(bubbling))
        return wave

    def _impacts(self, at: Conditions, rows: NDArray[np.intp], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """A ring-down of the housing at every ball pass. The one before has died away: 6.6 ms against 2.6 ms."""
        rate = at.pass_rate[rows, None]
        passes = at.passes[rows, None] + rate * seconds
        number = np.floor(passes)
        entry = number.astype(np.int64) % _TABLE
        since = (passes - number - self._jitter[entry]) / rate
        ring = np.exp(-np.maximum(since, 0.0) / _RING_TIME) * np.sin(2.0 * np.pi * _RESONANCE * since)
        ring[since < 0.0] = 0.0
        ring *= self._height[entry]
        ring *= _IMPACT * at.wear[rows, None]
        return ring

    def _collapses(self, blocks: int) -> NDArray[np.float64]:
        """Bursts of noise without low frequencies: differences of white noise, in clusters of uneven strength."""
        draws = self._bubbles.standard_normal((blocks, BLOCK + 1 + _BURSTS))
        white = np.diff(draws[:, : BLOCK + 1], axis=1) / np.sqrt(2.0)
        strength = np.exp(0.4 * draws[:, BLOCK + 1 :])
        noise: NDArray[np.float64] = _COLLAPSE * white * np.repeat(strength, BLOCK // _BURSTS, axis=1)
        return noise
