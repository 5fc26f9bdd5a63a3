"""Three energy meters behind one Modbus TCP gateway, units 1 to 3, with the same register map each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connectors.modbus.address import parse
from connectors.simulator.disturbances import Disturbances
from connectors.simulator.station import STEP_NS, STEP_S, TICK_NS, TICKS_PER_STEP, Readings
from connectors.simulator.tags import ModbusPoint
from connectors.tags import Tag, TagTable

ASSETS = ("meter-1", "meter-2", "meter-3")
MAP = (
    ("voltage_l1", "input:0:uint16*0.1", "V"),
    ("voltage_l2", "input:1:uint16*0.1", "V"),
    ("voltage_l3", "input:2:uint16*0.1", "V"),
    ("current_l1", "input:6:uint16*0.01", "A"),
    ("current_l2", "input:7:uint16*0.01", "A"),
    ("current_l3", "input:8:uint16*0.01", "A"),
    ("power", "input:12:float32", "kW"),
    ("power_factor", "input:14:int16*0.001", ""),
    ("frequency", "input:15:uint16*0.01", "Hz"),
    ("energy", "input:20:uint32*0.01", "kWh"),
)
"""Tag, address and unit, as in the register map that `sluicegate init --template meters` writes."""

TABLES = {asset: TagTable(asset, tuple(Tag(name, unit, STEP_S) for name, _, unit in MAP)) for asset in ASSETS}
POINTS = tuple(
    ModbusPoint(asset, name, parse(address), unit) for unit, asset in enumerate(ASSETS, 1) for name, address, _ in MAP
)

_LOADS = (38.0, 12.0, 75.0)  # kW, mean of each meter
_SWING = 0.25  # of the mean: machines come and go
_SWING_S = (180.0, 95.0, 240.0)
_START_KWH = 184_321.7
# (standard deviation, correlation time in s): V of the grid, V between phases, Hz, share of the load
_COMMON, _OF_METER = ((1.2, 20.0), (0.015, 5.0)), ((0.4, 10.0), (0.4, 10.0), (0.4, 10.0), (0.03, 4.0))


class Meters:
    """The meters in motion. Deterministic: the same seed and start give the same bytes."""

    board = None

    def __init__(self, seed: int, start_time_ns: int) -> None:
        """Args as `Station`."""
        self._tick = 0
        self._start = start_time_ns
        channels = [*_COMMON, *(_OF_METER * len(ASSETS))]
        self._weather = Disturbances(np.random.default_rng(seed), channels, STEP_S)
        self._energy = dict.fromkeys(ASSETS, _START_KWH)

    @property
    def next_step_time(self) -> int:
        """When the next scalars come, ns since the epoch."""
        return self._start + (self._tick // TICKS_PER_STEP + 1) * STEP_NS

    def advance(self, ticks: int) -> Readings:
        """See `Machine`."""
        ticked = np.arange(self._tick + 1, self._tick + ticks + 1)
        self._tick += ticks
        after = ticked[ticked % TICKS_PER_STEP == 0] * TICK_NS
        walked = np.array(self._weather.walk(len(after))).reshape(
            len(after), len(_COMMON) + len(ASSETS) * len(_OF_METER)
        )
        values = {asset: self._meter(i, after / 1e9, walked) for i, asset in enumerate(ASSETS)}
        codes = {asset: np.zeros((len(after), len(MAP)), dtype=np.uint32) for asset in ASSETS}
        return Readings(self._start + after, values, codes, np.empty(0, dtype=np.int64), {})

    def _meter(self, number: int, after_s: NDArray[np.float64], walked: NDArray[np.float64]) -> NDArray[np.float64]:
        grid, frequency = walked[:, 0], 50.0 + walked[:, 1]
        own = walked[:, len(_COMMON) + number * len(_OF_METER) :][:, : len(_OF_METER)]
        swing = _SWING * np.sin(2 * np.pi * after_s / _SWING_S[number])
        power = _LOADS[number] * (1.0 + swing + own[:, 3])
        factor = 0.93 - 0.05 * swing
        voltages = [230.0 + grid + own[:, phase] for phase in range(3)]
        currents = [power * 1000.0 / 3.0 / (voltage * factor) for voltage in voltages]
        so_far = self._energy[ASSETS[number]]
        energy = np.cumsum([so_far, *(power * STEP_S / 3600.0)])  # summed one by one, however many are asked for
        self._energy[ASSETS[number]], energy = float(energy[-1]), energy[1:]
        return np.column_stack([*voltages, *currents, power, factor, frequency, energy])
