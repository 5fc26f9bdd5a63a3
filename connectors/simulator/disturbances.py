"""The weather of the plant: slow random walks that are pulled back to their mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class Disturbances:
    """Independent first-order Gauss-Markov processes (Ornstein-Uhlenbeck, exactly discretised) with mean 0."""

    def __init__(self, rng: np.random.Generator, channels: Sequence[tuple[float, float]], step_s: float) -> None:
        """Begin as if they had gone on for ever.

        Args:
            rng: Read here alone, one row a step.
            channels: Standard deviation and correlation time in seconds of each.
            step_s: Seconds a step.
        """
        deviation, correlation = np.array(channels, dtype=np.float64).T
        self._rng = rng
        self._decay = np.exp(-step_s / correlation)
        self._drive = deviation * np.sqrt(1.0 - self._decay**2)
        self._now = deviation * rng.standard_normal(len(channels))

    def walk(self, steps: int) -> list[list[float]]:
        """The next steps, each with the value of every channel; the same whether asked for at once or one by one."""
        rows: list[list[float]] = []
        for push in self._rng.standard_normal((steps, len(self._now))) * self._drive:
            self._now = self._decay * self._now + push
            rows.append(self._now.tolist())
        return rows
