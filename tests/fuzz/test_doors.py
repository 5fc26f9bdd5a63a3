"""Bytes from outside are taken or refused as promised, whatever they are: some mutations of sound inputs for each door.

`make fuzz` looks for more.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.fuzz.doors import all_doors, knock
from tests.fuzz.mutate import mutated

DOORS = all_doors()
SEED = int(os.environ.get("SLUICEGATE_FUZZ_SEED", "1"))
MANY = int(os.environ.get("SLUICEGATE_FUZZ_MANY", "1"))


@pytest.mark.parametrize("name", DOORS)
def test_sound_input_gets_in(name: str) -> None:
    assert any(knock(DOORS[name], seed) for seed in DOORS[name].seeds())


@pytest.mark.parametrize("name", DOORS)
def test_a_door_takes_or_refuses_as_promised(name: str) -> None:
    door, draw = DOORS[name], random.Random(f"{name}/{SEED}")
    seeds = door.seeds()
    taken = 0
    for number in range(MANY * door.tries):
        data = mutated(seeds, draw)
        try:
            taken += knock(door, data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            pytest.fail(f"{name}, try {number}: {error!r} for {data[:200]!r}")
    for data in (b"", b"\x00", b"\xff" * 64):
        knock(door, data)
