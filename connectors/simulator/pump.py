"""One pump with its valve, motor and bearing: the state, and how it follows what happens around it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from connectors.simulator import physics
from connectors.simulator.vibration import BLOCK_S

OPENING = 0.70  # of the valves at rest
VALVE_LAG = 4.0  # s, of the actuator
FLUTTER = 0.6  # of the head that cavitation takes: how unsteady it is
_PASS_PERIOD = 4096  # ball passes after which the vibration's tables repeat


@dataclass(frozen=True, slots=True)
class Stress:
    """What has befallen a pump itself: severities 0..1. Faults of its sensors are not among them."""

    bearing_wear: float = 0.0
    cavitation: float = 0.0
    clogged_filter: float = 0.0


HEALTHY = Stress()


@dataclass(slots=True)
class Pump:
    """State of one pump; units as in `physics`, the valve 0..1, angle and ball passes at the end of the last block."""

    valve: float = OPENING
    opening: float = OPENING
    speed: float = physics.REFERENCE_SPEED
    flow: float = 0.0
    head: float = 0.0
    power: float = 0.0
    current: float = 0.0
    winding: float = physics.AMBIENT
    bearing: float = physics.AMBIENT
    turn: float = 0.0
    passes: float = 0.0

    @classmethod
    def settled(cls) -> Pump:
        """A pump that has run for hours at rest: warm, in balance, undisturbed."""
        pump = cls()
        for _ in range(50):  # slip and copper loss converge within ten
            pump.turn_shaft(physics.NOMINAL_FREQUENCY, physics.NOMINAL_VOLTAGE, physics.STATIC_HEAD, 0.0, HEALTHY)
        for _ in range(2):  # the bearing settles on a settled winding
            pump.warm(physics.AMBIENT, HEALTHY, math.inf)
        return pump

    def move_valve(self, command: float, play: float, seconds: float) -> None:
        """Let the actuator follow its command (0..1); play is what the stem does by itself."""
        self.valve = physics.approach(self.valve, min(max(command, 0.0), 1.0), seconds, VALVE_LAG)
        self.opening = min(max(self.valve + play, 0.0), 1.0)

    def turn_shaft(self, frequency: float, voltage: float, static_head: float, flutter: float, stress: Stress) -> None:
        """Speed, flow, head, power and current of this moment. Slip and copper loss follow one step behind.

        Args:
            frequency: Of the grid, Hz.
            voltage: Of the grid, V.
            static_head: m, from the tank's level to the outlet.
            flutter: A random number around 0 with deviation 1; unsettles a pump that cavitates.
            stress: Severities.
        """
        loss = physics.CAVITATION_HEAD_LOSS * stress.cavitation * (1.0 + FLUTTER * flutter)
        resistance = physics.PIPE_RESISTANCE + physics.valve_resistance(self.opening)
        resistance += physics.CLOGGED_RESISTANCE * stress.clogged_filter
        self.speed = physics.shaft_speed(self.power, frequency)
        self.flow = physics.operating_flow(self.speed, static_head, resistance, loss=loss)
        self.head = physics.pump_head(self.flow, self.speed, loss=loss)
        friction = physics.bearing_friction(self.speed, stress.bearing_wear)
        self.power = physics.shaft_power(self.flow, self.head, self.speed) + friction
        self.current = physics.motor_current(self.power, physics.motor_losses(self.current), voltage)

    def warm(self, ambient: float, stress: Stress, seconds: float) -> None:
        """Let winding and bearing follow their losses; an infinite time settles them."""
        winding = ambient + physics.WINDING_RISE * physics.motor_losses(self.current)
        self.winding = physics.approach(self.winding, winding, seconds, physics.WINDING_TIME_CONSTANT)
        bearing = ambient + physics.BEARING_RISE * physics.bearing_friction(self.speed, stress.bearing_wear)
        bearing += physics.BEARING_FROM_WINDING * (self.winding - ambient)
        self.bearing = physics.approach(self.bearing, bearing, seconds, physics.BEARING_TIME_CONSTANT)

    def roll(self) -> tuple[float, float, float, float]:
        """Turn on through one block of the waveform.

        Returns:
            Angle at its beginning (turns), speed, ball passes at its beginning, ball passes a second.
        """
        rate = physics.outer_race_frequency(self.speed)
        before = (self.turn, self.speed, self.passes, rate)
        self.turn = (self.turn + self.speed * BLOCK_S) % 1.0
        self.passes = (self.passes + rate * BLOCK_S) % _PASS_PERIOD
        return before


def opening_per_flow() -> float:
    """How far a valve at rest must open for one m3/h more, by the physics: the controller's feed-forward."""
    step = 0.01
    flows = [
        physics.operating_flow(
            physics.REFERENCE_SPEED, physics.STATIC_HEAD, physics.PIPE_RESISTANCE + physics.valve_resistance(opening)
        )
        for opening in (OPENING - step, OPENING + step)
    ]
    return 2.0 * step / (flows[1] - flows[0])
