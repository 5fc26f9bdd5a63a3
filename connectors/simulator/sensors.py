"""What the scalar sensors make of the truth: noise, and the faults that are theirs alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from connectors import status
from connectors.simulator import tags
from connectors.simulator.faults import TRAITS, Fault

DRIFT_HEAD = 6.0  # m, what a drifting transmitter adds at full severity

# White noise of each sensor (standard deviation in its unit), in the order of the tables.
_NOISE = {
    **dict.fromkeys(tags.PUMPS, (0.6, 0.12, 0.12, 0.25, 0.50, 0.20)),
    tags.TANK: (0.003, 1.0),
}
_SCALARS = {asset: len(noise) for asset, noise in _NOISE.items()}

Severities = Mapping[Fault, float]
Columns = dict[str, NDArray[np.float64]]
Codes = dict[str, NDArray[np.uint32]]


class Sensors:
    """All scalar sensors of the station."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Args: rng is read here alone, one row a step."""
        self._rng = rng
        self._stuck_at: dict[tuple[str, int], float] = {}

    def read(
        self, truth: Sequence[Sequence[float]], severities: Mapping[str, Sequence[Severities]]
    ) -> tuple[Columns, Codes]:
        """Readings of the next k steps.

        Args:
            truth: k rows of what ideal sensors would say: the scalars of all assets side by side, tables in order.
            severities: By pump, for each of the k steps.

        Returns:
            Values float64[k, scalars] (NaN where there is none) and status codes uint32[k, scalars], by asset.
        """
        exact = np.array(truth, dtype=np.float64).reshape(-1, sum(_SCALARS.values()))
        exact += self._rng.standard_normal(exact.shape) * np.concatenate([_NOISE[asset] for asset in _NOISE])
        ends = np.cumsum(list(_SCALARS.values()))[:-1]
        values = dict(zip(_NOISE, np.split(exact, ends, axis=1), strict=True))
        codes = {asset: np.full(column.shape, status.GOOD, dtype=np.uint32) for asset, column in values.items()}
        for pump, steps in severities.items():
            position = values[pump][:, tags.TABLES[pump].index("valve_position")]
            np.clip(position, 0.0, 100.0, out=position)
            for k, faults in enumerate(steps):
                self._spoil(pump, values[pump][k], codes[pump][k], faults)
        return values, codes

    def _spoil(self, pump: str, row: NDArray[np.float64], codes: NDArray[np.uint32], faults: Severities) -> None:
        """Apply the sensor faults of one step in place."""
        for fault in (Fault.DRIFT, Fault.STUCK_SENSOR, Fault.DROPOUT):
            if fault not in faults:
                continue
            for j in (tags.TABLES[pump].index(name) for name in TRAITS[fault].tags):
                if fault is Fault.DRIFT:
                    row[j] += DRIFT_HEAD * faults[fault]
                elif fault is Fault.STUCK_SENSOR:
                    row[j] = self._stuck_at.setdefault((pump, j), float(row[j]))
                else:
                    row[j] = np.nan
                    codes[j] = status.BAD_SENSOR_FAILURE
        if Fault.STUCK_SENSOR not in faults and self._stuck_at:
            self._stuck_at = {key: value for key, value in self._stuck_at.items() if key[0] != pump}
