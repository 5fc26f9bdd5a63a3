"""Against scipy and against waves whose spectrum is known. Tolerances: 1e-9 relative unless said."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from models_waves import sine, timed, waveforms
from scipy import integrate, signal

from models.features import (
    STANDARD,
    VIBRATION,
    FeatureSet,
    Geometry,
    Segments,
    band_energy,
    bearing,
    envelope_amplitude,
    join,
    octave_energy,
    peak_amplitude,
    peak_frequency,
    spectral_kurtosis,
    velocity_rms,
)
from models.features.waveform import waves_of

EVERY = FeatureSet(
    "every",
    1,
    (
        *VIBRATION.features,
        *(band_energy(10, 100), velocity_rms(10, 400), peak_frequency(1), peak_amplitude(2), spectral_kurtosis(16)),
        *(envelope_amplitude(30), *bearing(Geometry(9, 7.94, 39.04), 29.95)),
    ),
)


def found(segments: Segments, *names: str) -> list[float]:
    return FeatureSet("some", 1, names).compute(segments)[0].tolist()


@pytest.mark.parametrize("n", [64, 100, 101, 999, 4096])
def test_bands_are_those_of_scipys_periodogram(n: int) -> None:
    x = np.random.default_rng(n).normal(3.0, 2.0, n)
    frequency, density = signal.periodogram(x, 1000.0, "hann", detrend="constant", scaling="density")
    power = density * 1000.0 / n
    for low, high in [(0, 500), (50, 250), (100, 499.5)]:
        expected = power[(frequency >= low) & (frequency < high)].sum()
        assert found(waveforms(x), band_energy(low, high)) == pytest.approx([expected], rel=1e-9)
    centred = x - x.mean()
    size = np.abs(np.fft.rfft(centred))
    expected = (frequency * size).sum() / size.sum()
    assert found(waveforms(x), "spectral_centroid") == pytest.approx([expected], rel=1e-9)


@pytest.mark.parametrize("n", [64, 65])
def test_every_line_is_that_of_scipys_periodogram(n: int) -> None:
    """The first and the last one, too, of which no band makes use."""
    x = np.random.default_rng(n).normal(3.0, 2.0, n)
    (waves,) = waves_of(waveforms(x, -x))
    density = signal.periodogram(x, 1000.0, "hann", detrend="constant", scaling="density")[1]
    np.testing.assert_allclose(waves.power, np.tile(density * 1000.0 / n, (2, 1)), rtol=1e-9)


def test_a_sine_is_found_with_its_frequency_amplitude_and_energy() -> None:
    x = sine(50, 3.0) + sine(120, 2.0) + 100.0
    names = (peak_frequency(1), peak_amplitude(1), peak_frequency(2), peak_amplitude(2), peak_frequency(3))
    assert found(waveforms(x), *names)[:4] == pytest.approx([50.0, 3.0, 120.0, 2.0], rel=1e-9)
    assert found(waveforms(x), band_energy(40, 60), band_energy(0, 500)) == pytest.approx([4.5, 6.5], rel=1e-9)
    octaves = found(
        waveforms(x), *(octave_energy(octave) for octave in range(5))
    )  # from 250, 125, 62.5, 31.25, 15.6 Hz
    assert octaves == pytest.approx([0.0, 0.0, 2.0, 4.5, 0.0], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("m/s2", 1e3), ("m/s²", 1e3), ("m/s^2", 1e3), ("mm/s2", 1.0), ("g", 9806.65), ("[g]", 9806.65)],
)
def test_velocity_is_acceleration_integrated(unit: str, factor: float) -> None:
    """10 m/s^2 at 80 Hz are 10 / (2 pi 80) m/s; low and high frequencies outside the band count for nothing.

    Within 1e-4: a Hann window spreads a tone over three lines, and 1 / f^2 is not a straight line: (df / f)^2 / 2.
    """
    x = sine(80, 10.0, n=4000, rate=4000.0) + sine(3, 5.0, n=4000, rate=4000.0) + sine(1500, 50.0, n=4000, rate=4000.0)
    expected = factor * 10.0 / (2 * math.pi * 80) / math.sqrt(2)
    assert found(waveforms(x + 3.0, rate=4000.0, unit=unit), velocity_rms()) == pytest.approx([expected], rel=1e-4)


def test_velocity_agrees_with_integration_in_time() -> None:
    """Within 1 %: the trapezoidal rule is off by (2 pi f / rate)^2 / 12."""
    x = sine(40, 2.0, n=8000, rate=8000.0) + sine(160, 6.0, n=8000, rate=8000.0, phase=1.0)
    velocity = integrate.cumulative_trapezoid(x, dx=1 / 8000, initial=0.0)
    expected = 1e3 * signal.detrend(velocity).std()
    assert found(waveforms(x, rate=8000.0), velocity_rms()) == pytest.approx([expected], rel=0.01)


def test_what_is_a_velocity_already_is_not_integrated_and_other_units_have_none() -> None:
    x = sine(80, 10.0, n=4000, rate=4000.0)
    assert found(waveforms(x, rate=4000.0, unit="mm/s"), velocity_rms()) == pytest.approx([10 / math.sqrt(2)])
    assert found(waveforms(x, rate=4000.0, unit="m/s"), velocity_rms()) == pytest.approx([1e4 / math.sqrt(2)])
    assert np.isnan(found(waveforms(x, rate=4000.0, unit="A"), velocity_rms())).all()


def test_a_band_beyond_half_the_sampling_rate_and_one_without_a_line_have_no_energy_to_tell() -> None:
    x = sine(50)
    assert np.isnan(found(waveforms(x), band_energy(100, 501), velocity_rms(10, 1000), band_energy(50.2, 50.8))).all()
    assert np.isfinite(found(waveforms(x), band_energy(100, 500))).all()


def test_only_waveforms_have_spectra() -> None:
    x = np.random.default_rng(0).normal(size=256)
    assert np.isfinite(EVERY.compute(waveforms(np.tile(x, 10)))).all()
    flags = [member.waveform for member in VIBRATION.members]
    assert np.isnan(VIBRATION.compute(waveforms(x, waveform=False))[0, flags]).all()
    assert np.isnan(found(waveforms(x[:63]), "spectral_centroid")).all()
    assert np.isfinite(VIBRATION.compute(waveforms(x[:64]))).all()
    assert VIBRATION.waveform
    assert not STANDARD.waveform


def test_the_longest_even_run_is_taken_and_no_hole_is_read_across() -> None:
    burst = sine(100, n=300)
    time = np.arange(300) / 1000.0
    x = np.concatenate([sine(30, n=200), burst, sine(40, n=100)])
    t = np.concatenate([time[:200], 1.0 + time, 2.0 + time[:100]])
    names = (peak_frequency(1), "spectral_centroid", band_energy(50, 150))
    assert found(timed([(t, x)]), *names) == found(waveforms(burst), *names)
    with_a_loss = np.delete(np.arange(300), 100)  # one sample of 300 was bad: 100 before it, 199 after
    lost = found(timed([(time[with_a_loss], burst[with_a_loss])]), *names)
    assert lost == found(waveforms(burst[101:]), *names)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([64, 65, 128, 200, 333]), st.sampled_from([500.0, 1000.0]), st.booleans()),
        min_size=2,
        max_size=8,
    ),
    st.integers(0, 2**32 - 1),
)
def test_many_waveforms_together_are_each_alone_to_the_last_bit(
    kinds: list[tuple[int, float, bool]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    parts = [waveforms(rng.normal(size=n), rate=rate, waveform=flag) for n, rate, flag in kinds]
    alone = np.concatenate([EVERY.compute(part) for part in parts])
    assert alone.tobytes() == EVERY.compute(join(parts)).tobytes()


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(float, st.integers(64, 200), elements=st.floats(-1e6, 1e6)))
def test_energy_is_neither_lost_nor_found(x: np.ndarray) -> None:
    """Octaves from half the sampling rate down hold no more than all lines do, and all lines are never negative."""
    total, *octaves = found(waveforms(x), band_energy(0, 500), *(octave_energy(octave) for octave in range(5)))
    assert min(octaves) >= 0
    assert sum(octaves) <= total * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize("value", [0.0, 7.1, -0.3])
def test_a_constant_waveform_has_no_spectrum(value: float) -> None:
    assert EVERY.compute(waveforms(np.full(1000, value))).tolist() == [[0.0] * len(EVERY.features)]
