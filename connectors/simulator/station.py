"""The pump station in motion: two pumps, one tank, their controller, and what the sensors say of it.

Everything advances on one grid of 50 ms ticks: scalars at every second tick, a waveform at every fifth. The random
numbers of a step depend on the seed and on the number of the step only, never on the faults or on how many steps are
asked for at once. So a live plant, a recording and a recording with a fault agree up to what the fault changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.simulator import physics, tags
from connectors.simulator.disturbances import Disturbances
from connectors.simulator.faults import Fault, FaultBoard
from connectors.simulator.pump import OPENING, Pump, Stress, opening_per_flow
from connectors.simulator.sensors import Codes, Columns, Sensors, Severities
from connectors.simulator.vibration import Conditions, VibrationSensor

TICK_NS = 50_000_000
TICKS_PER_STEP = 2
TICKS_PER_BLOCK = 5
FRAME_TICKS = TICKS_PER_STEP * TICKS_PER_BLOCK  # after a frame the two rhythms meet again
STEP_NS = TICKS_PER_STEP * TICK_NS
STEP_S = STEP_NS / 1e9

_LEVEL_GAIN = 1.0  # opening per m of level

# Disturbances: (standard deviation, correlation time in s). None is slower than 15 s: a quarter of an hour of normal
# operation then shows all there is to see, which is what a model is trained on.
_COMMON = {
    "inflow": (6.0, 12.0),  # m3/h
    "ambient": (0.4, 15.0),  # K
    "frequency": (0.015, 5.0),  # Hz
    "voltage": (2.4, 5.0),  # V
    "waves": (0.008, 2.0),  # m
}
_OF_PUMP = {
    "outlet": (0.4, 6.0),  # m, the pressure that consumers leave
    "play": (0.003, 3.0),  # of the valve's stem
    "bearing_air": (0.25, 4.0),  # K, draught at the sensor
    "winding_air": (0.25, 4.0),  # K
    "tone": (0.05, 2.0),  # of the amplitude
    "noise": (0.05, 2.0),
    "flutter": (1.0, 0.3),  # of cavitation
}


@dataclass(frozen=True, slots=True)
class Readings:
    """What the sensors said during a stretch of time, before any protocol rounds it.

    Attributes:
        times: int64[k], ns since the epoch, of the scalars.
        values: By asset float64[k, scalars]; column j is tag j of the asset's table. NaN where there is none.
        codes: By asset uint32[k, scalars], OPC-UA status codes.
        block_times: int64[m], ns since the epoch, of the last value of each waveform.
        blocks: By pump float64[m, 1024], rounded to float32 as the sensor sends it.
    """

    times: NDArray[np.int64]
    values: Columns
    codes: Codes
    block_times: NDArray[np.int64]
    blocks: Columns


class Station:
    """The plant. Deterministic: the same seed, start and faults give the same bytes."""

    def __init__(self, seed: int, start_time_ns: int) -> None:
        """Settled: warm, tank at its set point, disturbances as if they had gone on for ever.

        Args:
            seed: 0 or more.
            start_time_ns: ns since the epoch; the first scalars come 100 ms later.
        """
        self.board = FaultBoard()
        self._start = start_time_ns
        self._tick = 0
        weather, noise, *ears = np.random.SeedSequence(seed).spawn(2 + len(tags.PUMPS))
        channels = [*_COMMON.values(), *(channel for _ in tags.PUMPS for channel in _OF_PUMP.values())]
        self._weather = Disturbances(np.random.Generator(np.random.PCG64(weather)), channels, STEP_S)
        self._sensors = Sensors(np.random.Generator(np.random.PCG64(noise)))
        self._ears = {name: VibrationSensor(ear) for name, ear in zip(tags.PUMPS, ears, strict=True)}
        self._pumps = {name: Pump.settled() for name in tags.PUMPS}
        self._level = physics.LEVEL_SET_POINT
        self._mean_inflow = sum(pump.flow for pump in self._pumps.values())
        self._feed_forward = opening_per_flow() / len(self._pumps)
        self._loudness = dict.fromkeys(tags.PUMPS, (1.0, 1.0))

    @property
    def time(self) -> int:
        """Of the last tick, ns since the epoch."""
        return self._start + self._tick * TICK_NS

    @property
    def next_step_time(self) -> int:
        """When the next scalars come, ns since the epoch: the earliest moment at which a fault can begin."""
        return self._start + (self._tick // TICKS_PER_STEP + 1) * STEP_NS

    def advance(self, ticks: int) -> Readings:
        """Let time pass.

        Args:
            ticks: Of 50 ms, at least 1. A pump's waveform takes 8 KB at every fifth, and some times that on the way.
        """
        last = self._tick + ticks
        disturbances = iter(self._weather.walk(last // TICKS_PER_STEP - self._tick // TICKS_PER_STEP))
        times: list[int] = []
        truth: list[list[float]] = []
        severities: dict[str, list[Severities]] = {name: [] for name in self._pumps}
        block_times: list[int] = []
        heard: dict[str, list[tuple[float, ...]]] = {name: [] for name in self._pumps}
        while self._tick < last:
            self._tick += 1
            if self._tick % TICKS_PER_STEP == 0:
                now = {name: self.board.severities(name, self.time) for name in self._pumps}
                for name, faults in now.items():
                    severities[name].append(faults)
                times.append(self.time)
                truth.append(self._step(next(disturbances), {name: _stress(faults) for name, faults in now.items()}))
            if self._tick % TICKS_PER_BLOCK == 0:
                block_times.append(self.time)
                for name, pump in self._pumps.items():
                    stress = _stress(self.board.severities(name, self.time))
                    heard[name].append((*pump.roll(), *self._loudness[name], stress.bearing_wear, stress.cavitation))
        values, codes = self._sensors.read(truth, severities)
        blocks = {name: _listen(ear, heard[name]) for name, ear in self._ears.items()}
        return Readings(np.array(times, dtype=np.int64), values, codes, np.array(block_times, dtype=np.int64), blocks)

    def _step(self, disturbance: list[float], stress: dict[str, Stress]) -> list[float]:
        """One step of the whole station; returns what ideal sensors would say, tables in order."""
        inflow, ambient, frequency, voltage, waves = disturbance[: len(_COMMON)]
        too_high = self._level - physics.LEVEL_SET_POINT
        # The inflow is fed forward to the valves; the level corrects slowly what is left.
        command = OPENING + self._feed_forward * inflow + _LEVEL_GAIN * too_high
        truth: list[float] = []
        drawn = 0.0
        for i, (name, pump) in enumerate(self._pumps.items()):
            first = len(_COMMON) + i * len(_OF_PUMP)
            outlet, play, bearing_air, winding_air, tone, noise, flutter = disturbance[first : first + len(_OF_PUMP)]
            pump.move_valve(command, play, STEP_S)
            pump.turn_shaft(
                physics.NOMINAL_FREQUENCY + frequency,
                physics.NOMINAL_VOLTAGE + voltage,
                physics.STATIC_HEAD - too_high + outlet,
                flutter,
                stress[name],
            )
            pump.warm(physics.AMBIENT + ambient, stress[name], STEP_S)
            self._loudness[name] = (1.0 + tone, 1.0 + noise)
            drawn += pump.flow
            truth += (pump.flow, pump.head, pump.current)
            truth += (pump.bearing + bearing_air, pump.winding + winding_air, 100.0 * pump.opening)
        inflow += self._mean_inflow
        self._level += (inflow - drawn) * physics.M3H * STEP_S / physics.TANK_AREA
        truth += (self._level + waves, inflow)
        return truth


def _stress(faults: Severities) -> Stress:
    return Stress(
        faults.get(Fault.BEARING_WEAR, 0.0), faults.get(Fault.CAVITATION, 0.0), faults.get(Fault.CLOGGED_FILTER, 0.0)
    )


def _listen(ear: VibrationSensor, heard: list[tuple[float, ...]]) -> NDArray[np.float64]:
    columns = np.array(heard, dtype=np.float64).reshape(-1, 8).T
    return ear.sample(Conditions(*columns)).astype(np.float32).astype(np.float64)
