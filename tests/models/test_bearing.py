from __future__ import annotations

import numpy as np
import pytest
from models_waves import sine, waveforms

from models.features import Column, FeatureSet, Geometry, bearing, bpfi, bpfo, envelope_amplitude, spectral_kurtosis

# Drive-end bearing 6205-2RS JEM SKF of the Case Western Reserve University bearing data (engineering.case.edu/
# bearingdatacenter): 9 balls of 0.3126 in on a pitch of 1.537 in. Its page of specifications gives the multiples of the
# shaft speed as 5.4152 inner ring, 3.5848 outer ring, 0.39828 cage, 4.7135 rolling element (strikes twice a spin).
CWRU = Geometry(balls=9, ball=0.3126, pitch=1.537)
RATE, SPEED = 12_000.0, 29.95


def fault(rate_hz: float, seed: int = 0, seconds: float = 1.0, strength: float = 3.0) -> Column:
    """Noise, the shaft's own vibration, and a 3 kHz ring-down, slipping by 1 %, at every strike."""
    rng = np.random.default_rng(seed)
    n = int(RATE * seconds)
    x = rng.normal(size=n) + sine(SPEED, 5.0, n=n, rate=RATE)
    time = np.arange(n) / RATE
    strike = 0.004
    while strike < seconds:
        since = time - strike
        ring = np.where(since >= 0, np.exp(-np.maximum(since, 0) * 800), 0.0)
        x += strength * ring * np.sin(2 * np.pi * 3000 * since)
        strike += (1 + rng.normal(scale=0.01)) / rate_hz
    return x


def test_frequencies_are_those_of_the_published_example() -> None:
    """To the five digits that are published; the diameters are given with four, so within 1e-4."""
    assert CWRU.bpfi == pytest.approx(5.4152, rel=1e-4)
    assert CWRU.bpfo == pytest.approx(3.5848, rel=1e-4)
    assert CWRU.ftf == pytest.approx(0.39828, rel=1e-4)
    assert 2 * CWRU.bsf == pytest.approx(4.7135, rel=1e-4)
    assert CWRU.bpfo + CWRU.bpfi == pytest.approx(CWRU.balls)
    assert CWRU.bpfo == pytest.approx(CWRU.balls * CWRU.ftf)


@pytest.mark.parametrize(("part", "index"), [("bpfo", 0), ("bpfi", 1), ("bsf", 2)])
def test_a_damaged_part_is_told_from_the_others(part: str, index: int) -> None:
    strikes = getattr(CWRU, part) * SPEED * (2 if part == "bsf" else 1)
    names = bearing(CWRU, SPEED, 2000, 4000)
    feature_set = FeatureSet("bearing", 1, names)
    (healthy,) = feature_set.compute(waveforms(fault(strikes, strength=0.0), rate=RATE))
    (damaged,) = feature_set.compute(waveforms(fault(strikes), rate=RATE))
    others = [other for other in range(3) if other != index]
    assert damaged[index] > 5 * healthy[index]
    # Of this bearing 3 BSF is within 2 % of 2 BPFO, and 3 BPFO of 2 BPFI: the others are not silent, but the least.
    assert damaged[index] > 1.5 * damaged[others].max()


def test_the_default_band_hears_a_damage_over_the_shaft() -> None:
    names = FeatureSet("bearing", 1, bearing(CWRU, SPEED))
    (damaged,) = names.compute(waveforms(fault(CWRU.bpfo * SPEED), rate=RATE))
    assert damaged.argmax() == 0
    kurtosis = FeatureSet("kurtosis", 1, (spectral_kurtosis(),))
    (healthy,), (ringing,) = kurtosis.compute(
        waveforms(fault(40.0, strength=0.0, seconds=2), fault(40.0, strength=10.0, seconds=2), rate=RATE)
    )
    assert healthy < 2 < ringing


@pytest.mark.parametrize("n", [12_000, 11_999])
def test_the_envelope_is_that_of_an_amplitude_modulation(n: int) -> None:
    """A carrier of 2 that swells by a half at 70 Hz has an envelope of 2 + 1 sin(2 pi 70 t); 1 % where a run does not
    hold whole periods."""
    time = np.arange(n) / RATE
    x = 2.0 * (1 + 0.5 * np.sin(2 * np.pi * 70 * time)) * np.sin(2 * np.pi * 3000 * time)
    found = FeatureSet("e", 1, (envelope_amplitude(70), envelope_amplitude(50), "envelope_peak")).compute(
        waveforms(x, rate=RATE)
    )
    assert found[0] == pytest.approx([1.0, 0.0, 0.5], rel=0.01, abs=0.01)


def test_what_swells_below_the_band_is_not_heard() -> None:
    time = np.arange(12_000) / RATE
    low = (1 + 0.5 * np.sin(2 * np.pi * 70 * time)) * np.sin(2 * np.pi * 500 * time)
    x = low + 3.0 * np.sin(2 * np.pi * 3000 * time)
    names = (envelope_amplitude(70), envelope_amplitude(70, 2000, 4000), envelope_amplitude(70, 200, 1000))
    found = FeatureSet("e", 1, names).compute(waveforms(x, rate=RATE))
    assert found[0] == pytest.approx([0.0, 0.0, 0.5], abs=0.01)


@pytest.mark.parametrize(
    ("balls", "ball", "pitch", "angle", "said"),
    [
        (2, 1, 5, 0, r"feature bearing: balls = 2: must be a whole number from 3\. Count"),
        (8.5, 1, 5, 0, "balls = 8.5"),
        (9, 5, 5, 0, r"ball, pitch = \(5, 5\): must be above 0 and below pitch\. Take both diameters"),
        (9, 1, 5, 90, "angle = 90: must be from 0 to below 90 degrees"),
    ],
)
def test_a_bearing_that_cannot_be_is_refused(balls: float, ball: float, pitch: float, angle: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Geometry(balls, ball, pitch, angle)


def test_names_say_all_and_are_read_back() -> None:
    names = bearing(CWRU, SPEED, 2000, 4000)
    assert names[0] == "bpfo:9:0.3126:1.537:0:29.95:2000:4000"
    assert FeatureSet.from_names(names).features == names
    assert bpfi(9, 0.3126, 1.537, 0, SPEED) == "bpfi:9:0.3126:1.537:0:29.95"
    with pytest.raises(ValueError, match=r"bpfo: speed = 0: must be above 0 turns a second\. Divide"):
        bpfo(9, 0.3126, 1.537, 0, 0)
    with pytest.raises(ValueError, match=r"low, high = \(2000.0, None\): must be both given or both left out"):
        FeatureSet.from_names(["bpfo:9:0.3126:1.537:0:29.95:2000"])
