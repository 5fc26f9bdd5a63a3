"""The waveform: tones without seams, the bearing's rhythm, and one pump's noise for itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from connectors.simulator.pump import Pump
from connectors.simulator.vibration import BLOCK, SAMPLING_RATE, Conditions, VibrationSensor

SPEED = 49.3


def _conditions(blocks: int) -> Conditions:
    """A pump that turns evenly, its tones alone."""
    pump = Pump(speed=SPEED)
    rolled = np.array([pump.roll() for _ in range(blocks)]).T
    ones, zeros = np.ones(blocks), np.zeros(blocks)
    return Conditions(*rolled, tone=ones, noise=zeros, wear=zeros, cavitation=zeros)


def _sensor() -> VibrationSensor:
    return VibrationSensor(np.random.SeedSequence(1))


def test_tones_run_on_from_block_to_block() -> None:
    wave = _sensor().sample(_conditions(12)).ravel()
    seconds = np.arange(1, len(wave) + 1) / SAMPLING_RATE
    basis = [f(2 * np.pi * order * SPEED * seconds) for order in (1, 2, 3, 6) for f in (np.sin, np.cos)]
    weights, *_ = np.linalg.lstsq(np.stack(basis, axis=1), wave, rcond=None)
    np.testing.assert_allclose(np.stack(basis, axis=1) @ weights, wave, atol=1e-9)
    amplitudes = np.hypot(weights[::2], weights[1::2])
    np.testing.assert_allclose(amplitudes, (0.60, 0.30, 0.15, 0.80))


def test_impacts_come_at_the_ball_pass_and_die_away_between() -> None:
    calm = _conditions(8)
    impacts = (_sensor().sample(replace(calm, wear=np.ones(8))) - _sensor().sample(calm)).ravel()
    loud = np.flatnonzero(np.abs(impacts) > 6.0) / SAMPLING_RATE
    starts = loud[np.diff(loud, prepend=-1.0) > 2e-3]
    passes = np.diff(starts) * 3.0475 * SPEED
    assert abs(len(starts) - 2.0 * 3.0475 * SPEED) < 0.15 * len(starts)  # weak ones may go unseen
    assert np.median(np.abs(passes - 1.0)) < 0.08  # they slip, and a sample is 4 % of the spacing


def test_impacts_do_not_start_anew_with_a_block() -> None:
    pump = Pump(speed=SPEED)
    before = [pump.roll() for _ in range(3)]
    assert [round(passes % 1.0, 6) for _, _, passes, _ in before] == [
        round(i * 0.25 * 3.0475 * SPEED % 1.0, 6) for i in range(3)
    ]


def test_cavitation_is_broad_and_wear_does_not_touch_its_noise() -> None:
    calm = _conditions(40)
    noise = _sensor().sample(replace(calm, cavitation=np.ones(40))) - _sensor().sample(calm)
    power = np.mean(np.abs(np.fft.rfft(noise, axis=1)) ** 2, axis=0)
    quarter = BLOCK // 8
    assert power[:quarter].sum() < 0.2 * power[-quarter:].sum()
    assert 3.0 < noise.std() < 5.0
    both = replace(calm, cavitation=np.ones(40), wear=np.ones(40))
    worn = replace(calm, wear=np.ones(40))
    np.testing.assert_allclose(_sensor().sample(both) - _sensor().sample(worn), noise, atol=1e-9)
