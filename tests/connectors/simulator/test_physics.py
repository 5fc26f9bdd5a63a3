"""The laws: signs, limits, and the balances that hold between them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.simulator import physics
from connectors.simulator.pump import HEALTHY, Pump, Stress, opening_per_flow

SPEED = physics.REFERENCE_SPEED
openings = st.floats(0.2, 1.0)
speeds = st.floats(40.0, 55.0)


@given(openings, speeds)
def test_operating_point_lies_on_both_curves(opening: float, speed: float) -> None:
    resistance = physics.PIPE_RESISTANCE + physics.valve_resistance(opening)
    flow = physics.operating_flow(speed, physics.STATIC_HEAD, resistance)
    system = physics.STATIC_HEAD + resistance * flow * flow
    assert physics.pump_head(flow, speed) == pytest.approx(system)


@given(st.floats(20.0, 120.0), st.floats(0.8, 1.2))
def test_affinity_laws(flow: float, ratio: float) -> None:
    head = physics.pump_head(flow, SPEED)
    assert physics.pump_head(ratio * flow, ratio * SPEED) == pytest.approx(ratio**2 * head)
    power = physics.shaft_power(flow, head, SPEED)
    assert physics.shaft_power(ratio * flow, ratio**2 * head, ratio * SPEED) == pytest.approx(ratio**3 * power)


def test_too_high_a_lift_stops_the_flow() -> None:
    assert physics.operating_flow(SPEED, 41.0, 1e-3) == 0.0


def test_efficiency_is_best_at_its_flow() -> None:
    def efficiency(flow: float) -> float:
        head = physics.pump_head(flow, SPEED)
        hydraulic = physics.WATER * physics.GRAVITY * physics.M3H * flow * head / 1000.0
        return hydraulic / physics.shaft_power(flow, head, SPEED)

    assert efficiency(physics.BEST_FLOW) == pytest.approx(physics.BEST_EFFICIENCY)
    assert efficiency(80.0) < efficiency(95.0) < efficiency(physics.BEST_FLOW) > efficiency(120.0)


def test_outer_race_frequency_of_a_6310() -> None:
    assert physics.outer_race_frequency(1.0) == pytest.approx(3.0475)


@given(st.floats(-50, 150), st.floats(-50, 150), st.floats(0.01, 1000.0))
def test_lag_composes(value: float, target: float, seconds: float) -> None:
    once = physics.approach(value, target, seconds, 120.0)
    twice = physics.approach(physics.approach(value, target, seconds / 2, 120.0), target, seconds / 2, 120.0)
    assert once == pytest.approx(twice, abs=1e-9)
    assert physics.approach(value, target, math.inf, 120.0) == pytest.approx(target)


def test_settled_pump_is_where_its_data_sheet_says_and_stays_there() -> None:
    pump = Pump.settled()
    before = (pump.flow, pump.head, pump.current, pump.winding, pump.bearing)
    assert before == pytest.approx((100.0, 30.0, 19.0, 80.0, 54.0), rel=0.02)
    for _ in range(1000):
        _step(pump)
    assert (pump.flow, pump.head, pump.current, pump.winding, pump.bearing) == pytest.approx(before, rel=1e-6)


def test_closing_the_valve_lowers_flow_and_current_and_raises_head() -> None:
    pump, throttled = Pump.settled(), Pump.settled()
    for _ in range(300):
        throttled.move_valve(0.5, 0.0, 0.1)
        _step(throttled)
    assert throttled.flow < pump.flow - 15
    assert throttled.head > pump.head + 2
    assert throttled.current < pump.current - 0.3
    assert throttled.speed > pump.speed


def test_clogging_cavitation_and_wear_show_where_they_should() -> None:
    healthy = Pump.settled()
    after = {}
    for name in ("clogged_filter", "cavitation", "bearing_wear"):
        pump = after[name] = Pump.settled()
        for _ in range(600):
            _step(pump, Stress(**{name: 1.0}))
    assert after["clogged_filter"].flow < healthy.flow - 20
    assert after["clogged_filter"].head > healthy.head + 3
    assert after["clogged_filter"].current < healthy.current - 0.5
    assert after["cavitation"].flow < healthy.flow - 5
    assert after["cavitation"].head < healthy.head - 1
    assert after["bearing_wear"].bearing > healthy.bearing + 10
    assert after["bearing_wear"].current > healthy.current + 0.2


def test_feed_forward_meets_the_flow_that_it_is_for() -> None:
    opening = 0.7 + 0.5 * opening_per_flow()
    flows = [
        physics.operating_flow(SPEED, physics.STATIC_HEAD, physics.PIPE_RESISTANCE + physics.valve_resistance(x))
        for x in (0.7, opening)
    ]
    assert flows[1] - flows[0] == pytest.approx(0.5, rel=0.02)


def _step(pump: Pump, stress: Stress = HEALTHY) -> None:
    pump.turn_shaft(physics.NOMINAL_FREQUENCY, physics.NOMINAL_VOLTAGE, physics.STATIC_HEAD, 0.0, stress)
    pump.warm(physics.AMBIENT, stress, 0.1)
