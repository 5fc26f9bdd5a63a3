"""The random walks have the deviation and the memory that they were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from connectors.simulator.disturbances import Disturbances

CHANNELS = [(2.0, 0.5), (0.3, 4.0), (5.0, 15.0)]
STEP_S = 0.1


def test_deviation_and_correlation_time() -> None:
    path = np.array(Disturbances(np.random.default_rng(1), CHANNELS, STEP_S).walk(60_000))
    for values, (deviation, correlation) in zip(path.T, CHANNELS, strict=True):
        assert abs(values.mean()) < 0.2 * deviation
        assert values.std() == pytest.approx(deviation, rel=0.1)
        lag = round(correlation / STEP_S)
        assert np.corrcoef(values[:-lag], values[lag:])[0, 1] == pytest.approx(np.exp(-1), abs=0.1)


def test_they_begin_as_if_they_had_gone_on_for_ever() -> None:
    first = np.array([Disturbances(np.random.default_rng(s), CHANNELS, STEP_S).walk(1)[0] for s in range(2000)])
    assert first.std(axis=0) == pytest.approx([deviation for deviation, _ in CHANNELS], rel=0.1)


def test_steps_at_once_are_steps_one_by_one() -> None:
    once = Disturbances(np.random.default_rng(1), CHANNELS, STEP_S)
    one_by_one = Disturbances(np.random.default_rng(1), CHANNELS, STEP_S)
    assert once.walk(50) == [one_by_one.walk(1)[0] for _ in range(50)]
