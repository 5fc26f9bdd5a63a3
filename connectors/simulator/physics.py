"""The machine's laws as pure functions of floats: hydraulics, motor, heat, bearing geometry.

Units as engineers write them: flow in m3/h, head in m, power in kW, current in A, temperature in degC, position 0..1.
Every constant is a plausible datum of a 15 kW end-suction pump; the README of this folder lists the laws and where
they come from.
"""

from __future__ import annotations

import math

GRAVITY = 9.81  # m/s2
WATER = 998.0  # kg/m3 at 20 degC
M3H = 1.0 / 3600.0  # m3/h in m3/s

# Pump: characteristic at the reference speed, H = SHUTOFF_HEAD - CURVE_FALL * Q^2.
REFERENCE_SPEED = 49.4  # 1/s
SHUTOFF_HEAD = 40.0
CURVE_FALL = 1.0e-3  # m per (m3/h)^2
BEST_FLOW = 105.0  # m3/h at the reference speed
BEST_EFFICIENCY = 0.78

# Plant: what the pump works against.
STATIC_HEAD = 16.0  # m, from the tank at its set point to the outlet
PIPE_RESISTANCE = 6.0e-4  # m per (m3/h)^2
CLOGGED_RESISTANCE = 2.0e-3  # what a filter adds at full severity
VALVE_KVS = 365.0  # m3/h at 1 bar, fully open
VALVE_RANGEABILITY = 50.0
BAR_HEAD = 1e5 / (WATER * GRAVITY)  # m of water at 1 bar
CAVITATION_HEAD_LOSS = 0.10  # share of the developed head lost at full severity

# Motor: 15 kW, 400 V, two poles.
RATED_POWER = 15.0
RATED_SLIP = 0.0167
NOMINAL_VOLTAGE = 400.0
NOMINAL_FREQUENCY = 50.0
IRON_LOSS = 0.5  # kW, iron and windage
PHASE_RESISTANCE = 0.35  # ohm
MAGNETISING_CURRENT = 9.0  # A at nominal voltage

# Heat: one thermal mass each, warmed by its losses, cooled by the air around it.
AMBIENT = 20.0
WINDING_RISE = 68.0  # K per kW of loss, settled
WINDING_TIME_CONSTANT = 240.0  # s; real motors need three to five times as long
BEARING_FRICTION = 0.15  # kW at the reference speed
BEARING_RISE = 180.0  # K per kW of friction, settled
BEARING_TIME_CONSTANT = 120.0
BEARING_FROM_WINDING = 0.12  # share of the winding's rise that reaches the bearing through shaft and housing
WORN_FRICTION = 2.0  # times the healthy friction that a worn bearing adds at full severity

# Bearing 6310: eight balls of 19.05 mm on a pitch circle of 80 mm, no contact angle.
BALLS = 8
BALL_DIAMETER = 19.05
PITCH_DIAMETER = 80.0
CONTACT_ANGLE = 0.0
VANES = 6

# Tank: the sump that both pumps draw from.
TANK_AREA = 400.0  # m2
LEVEL_SET_POINT = 3.0  # m


def pump_head(flow: float, speed: float, *, loss: float = 0.0) -> float:
    """Head of the pump at a flow and a shaft speed (1/s), by the affinity laws.

    With Q ~ n and H ~ n^2, a parabola without linear term keeps its coefficient: H(Q, n) = (n/n0)^2 H0 - a Q^2.

    Args:
        flow: m3/h.
        speed: 1/s.
        loss: Share of the developed head that cavitation takes.
    """
    ratio = speed / REFERENCE_SPEED
    return SHUTOFF_HEAD * ratio * ratio * (1.0 - loss) - CURVE_FALL * flow * flow


def valve_resistance(position: float) -> float:
    """Resistance of an equal-percentage valve, m per (m3/h)^2.

    Kv = Kvs R^(x-1), dp[bar] = (Q/Kv)^2 (IEC 60534-2-1 and -2-4).
    """
    kv = VALVE_KVS * math.pow(VALVE_RANGEABILITY, position - 1.0)
    return BAR_HEAD / (kv * kv)


def operating_flow(speed: float, static_head: float, resistance: float, *, loss: float = 0.0) -> float:
    """Flow at which pump curve and system curve (static head + resistance Q^2) cross; 0 where they do not."""
    surplus = pump_head(0.0, speed, loss=loss) - static_head
    return math.sqrt(max(0.0, surplus) / (CURVE_FALL + resistance))


def shaft_power(flow: float, head: float, speed: float) -> float:
    """Power at the coupling, kW: hydraulic power rho g Q H over an efficiency that is a parabola around its best flow.

    The best flow moves with the speed (affinity). Q/efficiency stays finite at Q = 0, as the shut-off power does.
    """
    best = BEST_FLOW * speed / REFERENCE_SPEED
    flow_over_efficiency = best / (BEST_EFFICIENCY * (2.0 - min(flow / best, 1.9)))
    return WATER * GRAVITY * M3H * flow_over_efficiency * head / 1000.0


def shaft_speed(power: float, frequency: float) -> float:
    """Shaft speed of a two-pole induction motor, 1/s: slip is proportional to the load in the working range."""
    return frequency * (1.0 - RATED_SLIP * power / RATED_POWER)


def motor_current(power: float, losses: float, voltage: float) -> float:
    """Line current, A: active current of shaft power and losses, magnetising current at right angles to it."""
    active = 1000.0 * (power + losses) / (math.sqrt(3.0) * voltage)
    return math.hypot(active, MAGNETISING_CURRENT * voltage / NOMINAL_VOLTAGE)


def motor_losses(current: float) -> float:
    """Heat made in the motor, kW: iron loss and copper loss 3 R I^2."""
    return IRON_LOSS + 3.0 * PHASE_RESISTANCE * current * current / 1000.0


def bearing_friction(speed: float, wear: float) -> float:
    """Heat made in the bearing, kW; proportional to the speed."""
    return BEARING_FRICTION * (speed / REFERENCE_SPEED) * (1.0 + WORN_FRICTION * wear)


def approach(value: float, target: float, seconds: float, time_constant: float) -> float:
    """One step of a first-order lag, exact for a target that stands still during the step."""
    return target + (value - target) * math.exp(-seconds / time_constant)


def outer_race_frequency(speed: float) -> float:
    """Ball-pass frequency of the outer race, Hz: (z/2) n (1 - d/D cos a), rolling without slip."""
    return 0.5 * BALLS * speed * (1.0 - BALL_DIAMETER / PITCH_DIAMETER * math.cos(CONTACT_ANGLE))
