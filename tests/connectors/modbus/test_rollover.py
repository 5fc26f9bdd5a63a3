from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.modbus.address import Address, parse
from connectors.modbus.address_table import parse_table
from connectors.modbus.rollover import RollOver


def counter(kind: str, step: Any = True, **more: Any) -> Address:
    return parse_table({"table": "holding", "address": 0, "kind": kind, "counter": step, **more})


def run(address: Address, values: list[float]) -> tuple[list[float], int]:
    """Values unwrapped one poll after the other, and how often the counter was set back."""
    state = RollOver([parse("holding:9:uint16"), address])
    resets, got = 0, []
    for value in values:
        row = np.array([3.0, value])
        resets += state.unwrap(row)
        assert row[0] == 3.0, "what is no counter is left alone"
        got.append(float(row[1]))
    return got, resets


@pytest.mark.parametrize(
    ("kind", "modulus"),
    [("uint16", 2**16), ("uint32", 2**32), ("uint64", 2**64), ("bcd16", 10**4), ("bcd32", 10**8), ("bcd64", 10**16)],
)
def test_a_counter_that_rolls_over_goes_on_growing(kind: str, modulus: int) -> None:
    step = modulus // 8
    raw = [float(i * step % modulus) for i in range(20)]
    assert run(counter(kind), raw) == ([float(i * step) for i in range(20)], 0)


def test_scale_and_offset_are_kept() -> None:
    raw = [65_530.0, 4.0, 65_000.0]
    address = counter("uint16", scale=-0.5, offset=100)
    got, resets = run(address, [100 - 0.5 * value for value in raw])
    assert got == [100 - 0.5 * value for value in (65_530, 65_540, 65_536 + 65_000)]
    assert resets == 0


def test_a_counter_set_back_is_counted_and_begins_anew() -> None:
    assert run(counter("uint32"), [2.0**32 - 1, 4.0, 100_000.0, 0.0, 7.0]) == (
        [2.0**32 - 1, 2.0**32 + 4, 2.0**32 + 100_000, 0.0, 7.0],
        1,
    )


def test_the_largest_step_tells_a_reset_from_a_roll_over() -> None:
    assert run(counter("uint16", 20), [65_530.0, 14.0]) == ([65_530.0, 65_550.0], 0)
    assert run(counter("uint16", 20), [65_530.0, 15.0]) == ([65_530.0, 15.0], 1)
    assert run(counter("uint16"), [60_000.0, 0.0])[1] == 0, "a quarter of the modulus unless told"
    assert run(counter("uint16"), [40_000.0, 0.0])[1] == 1


def test_a_poll_without_a_value_changes_nothing() -> None:
    got, resets = run(counter("uint16"), [math.nan, 65_530.0, math.nan, 4.0, math.nan])
    np.testing.assert_array_equal(got, [math.nan, 65_530, math.nan, 65_540, math.nan])
    assert resets == 0


@given(st.lists(st.integers(0, 2**30), min_size=1, max_size=50), st.integers(0, 2**32 - 1))
def test_any_steps_up_to_the_largest_add_up(steps: list[int], first: int) -> None:
    total = np.cumsum([first, *steps])
    assert run(counter("uint32"), [float(value % 2**32) for value in total]) == ([float(value) for value in total], 0)


def test_a_unit_without_counters_costs_nothing_and_is_left_alone() -> None:
    values = np.array([5.0])
    assert RollOver([parse("holding:0:uint16")]).unwrap(values) == 0
    assert values.tolist() == [5.0]
