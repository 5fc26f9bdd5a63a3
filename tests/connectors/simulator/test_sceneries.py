"""The press and the meters: the same bytes in one go or tick by tick, and what the field would show."""

from __future__ import annotations

import numpy as np
import pytest

from connectors.modbus.address import parse
from connectors.simulator import meters, press, registers
from connectors.simulator.scenery import METERS, PRESS, Scenery

T0 = 1_767_225_600 * 10**9


@pytest.mark.parametrize("scenery", [PRESS, METERS], ids=lambda scenery: scenery.name)
def test_one_go_or_tick_by_tick_is_the_same(scenery: Scenery) -> None:
    whole, steps = scenery.make(3, T0), scenery.make(3, T0)
    at_once = whole.advance(40)
    one_by_one = [steps.advance(1) for _ in range(40)]
    assert np.array_equal(at_once.times, np.concatenate([one.times for one in one_by_one]))
    for asset in scenery.tables:
        values = np.concatenate([one.values[asset] for one in one_by_one])
        assert np.array_equal(at_once.values[asset], values)
        assert values.shape[1] == sum(not tag.waveform for tag in scenery.tables[asset].tags)
        for block in at_once.blocks.get(asset, np.empty((0, 0))):
            assert len(block) == press.BLOCK
    assert whole.next_step_time == T0 + 21 * 100_000_000


def test_the_press_makes_45_strokes_a_minute() -> None:
    readings = PRESS.make(1, T0).advance(20 * 60)  # a minute
    force = readings.blocks["press-1"].ravel()
    assert len(force) == 60 * press.SAMPLING_RATE
    rising = np.flatnonzero((force[:-1] < 400) & (force[1:] >= 400))
    assert len(rising) == 45
    assert 760 < force.max() < 850
    assert readings.values["press-1"][-1, 3] == 45
    current = readings.values["press-1"][:, 0]
    assert current.max() - current.min() > 25  # the motor gives back what a stroke took


def test_the_meters_add_up_their_power() -> None:
    readings = METERS.make(1, T0).advance(20 * 60)
    for asset in meters.ASSETS:
        columns = dict(zip(meters.TABLES[asset].names, readings.values[asset].T, strict=True))
        assert columns["energy"][-1] - columns["energy"][0] == pytest.approx(columns["power"][1:].sum() * 0.1 / 3600)
        assert np.all(np.abs(columns["voltage_l1"] - 230) < 10)
        apparent = sum(columns[f"voltage_l{i}"] * columns[f"current_l{i}"] for i in (1, 2, 3)) / 1000
        assert columns["power"] == pytest.approx(apparent * columns["power_factor"])


def test_an_energy_counter_takes_two_registers() -> None:
    address = parse("input:20:uint32*0.01")
    assert registers.encode(address, 184_321.7) == [18_432_170 >> 16, 18_432_170 & 0xFFFF]
    assert registers.as_read(address, np.array([184_321.704]))[0] == pytest.approx(184_321.7)
