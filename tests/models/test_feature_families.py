"""Statistics and features with parameters: against numpy, scipy and known values; what is refused; units."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from models_waves import waveforms
from scipy import stats

from models.features import (
    SETS,
    Column,
    FeatureSet,
    Function,
    Segments,
    autocorrelation,
    crossings,
    families,
    family,
    join,
    lookup,
    offsets_of,
    quantile,
    registered,
    registry,
    time_above,
)

NAMES = (
    *("count", "range", "energy", "median", "iqr", "zero_crossings", "mean_crossings"),
    *(quantile(0.0), quantile(0.1), quantile(0.9), quantile(1.0)),
    *(autocorrelation(), autocorrelation(3), crossings(2.5)),
)
EVERY = FeatureSet("every", 1, NAMES)


def segments(*values: Column) -> Segments:
    return Segments(
        np.concatenate([*values, []]),
        np.concatenate([*(np.arange(len(v)) * 0.5 for v in values), []]),
        offsets_of(np.array([len(v) for v in values], dtype=np.int64)),
    )


def passed(x: Column, level: float) -> float:
    return float(np.abs(np.diff((x > level).astype(int))).sum())


def remembered(x: Column, lag: int) -> float:
    if len(x) <= lag or np.ptp(x) == 0:
        return 0.0
    return float(np.mean((x[:-lag] - x.mean()) * (x[lag:] - x.mean())) / x.var())


def reference(x: Column) -> list[float]:
    centre = min(max(math.fsum(x) / len(x), x.min()), x.max())
    return [
        *(len(x), np.ptp(x), (x**2).sum(), np.median(x), stats.iqr(x), passed(x, 0.0), passed(x, centre)),
        *np.quantile(x, [0.0, 0.1, 0.9, 1.0]),
        *(remembered(x, 1), remembered(x, 3), passed(x, 2.5)),
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        hnp.arrays(float, st.integers(1, 40), elements=st.integers(-40, 40).map(lambda v: v / 4)),
        min_size=1,
        max_size=8,
    )
)
def test_agrees_with_numpy_and_scipy(columns: list[Column]) -> None:
    """Within 1e-9; the values are quarters, so that counts of crossings hang on no rounding."""
    found = EVERY.compute(segments(*columns))
    for row, x in enumerate(columns):
        np.testing.assert_allclose(found[row], reference(x), rtol=1e-9, atol=1e-9, err_msg=str(x))


def test_many_segments_together_are_each_alone_to_the_last_bit() -> None:
    rng = np.random.default_rng(5)
    parts = [segments(*(rng.normal(size=n) for n in rng.integers(0, 300, 5))) for _ in range(12)]
    alone = np.concatenate([EVERY.compute(part) for part in parts])
    assert alone.tobytes() == EVERY.compute(join(parts)).tobytes()


@pytest.mark.parametrize("zeros", [[-0.0], [0.0, -0.0], [-0.0, 0.0, -0.0, 0.0, 0.0]])
def test_which_of_two_zeros_came_first_does_not_show(zeros: list[float]) -> None:
    found = FeatureSet("f", 1, ("median", quantile(0.1), "iqr")).compute(segments(np.array(zeros), np.ones(3)))
    assert found[0].tobytes() == np.zeros(3).tobytes()


def test_without_a_sample_there_is_a_count_and_no_more() -> None:
    found = FeatureSet("f", 1, ("count", "missing_fraction", "median")).compute(segments(np.empty(0), np.ones(3)))
    assert found[:, :2].tolist() == [[0.0, 1.0], [3.0, 0.0]]
    assert np.isnan(found[0, 2])


def test_the_missing_fraction_is_the_complement_of_the_coverage() -> None:
    some = waveforms(np.ones(30))
    some.context.expected[:] = 40.0
    assert FeatureSet("f", 1, ("missing_fraction",)).compute(some).tolist() == [[0.25]]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("quantile:1.5", r"feature quantile: q = 1.5: must be from 0 to 1\. Write 0.9"),
        ("quantile:nan", "feature quantile: q = nan: must be a finite number"),
        ("quantile:", "feature quantile: name = 'quantile:': must be written as quantile:Q"),
        ("quantile", "name = 'quantile': must be written as quantile:Q"),
        ("quantile:0.1:0.2", r"must be written as quantile:Q\. Give every parameter, and no more"),
        ("autocorrelation:0", "lag = 0.0: must be a whole number of samples from 1"),
        ("autocorrelation:1.5", "lag = 1.5: must be a whole number of samples from 1"),
        ("band_energy:100:10", r"low, high = \(100.0, 10.0\): must be a band in Hz"),
        ("velocity_rms:0:10", "low = 0.0: must be above 0 Hz. ISO 20816"),
        ("octave_energy:5", "octave = 5.0: must be 0 to 4. Use band_energy"),
        ("peak_amplitude:0", "rank = 0.0: must be a whole number from 1 to 10"),
        ("spectral_kurtosis:100", "frame = 100.0: must be a power of two from 16"),
        ("envelope_amplitude:0", "frequency = 0.0: must be above 0 Hz"),
        ("envelope_amplitude:10:5:3", r"low, high = \(5.0, 3.0\): must be a band in Hz"),
        ("nonsense:1", "feature 'nonsense:1': must be registered; there is"),
    ],
)
def test_parameters_that_cannot_be_are_refused(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        lookup(name)


def test_a_set_is_made_again_from_the_names_in_a_manifest() -> None:
    written = FeatureSet.from_names(["mean", "quantile:0.90", "autocorrelation:1.0"], "mine", 3)
    assert written.features == ("mean", "quantile:0.9", "autocorrelation:1")
    again = FeatureSet(written.name, written.version, written.features)
    assert again == written
    assert again.hash == written.hash
    assert quantile(0.9) == "quantile:0.9"
    assert lookup("quantile:0.9").formula == "x sorted, at 0.9 (n - 1), linear between neighbours"


def test_a_family_of_ones_own_is_one_function_and_one_decorator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTRY", registered())
    monkeypatch.setattr(registry, "_FAMILIES", families())

    @family("share_above", unit="", formula="share of x > {level}", source="definition")
    def share_above(level: float, scale: float | None = None) -> Function:
        return lambda s: s.mean_of((s.value > level * (scale or 1)).astype(float))

    assert share_above(2.0) == "share_above:2"
    mine = FeatureSet.from_names(["share_above:2.50", "share_above:1:3"], "mine")
    assert mine.features == ("share_above:2.5", "share_above:1:3")
    assert mine.compute(segments(np.array([1.0, 2.0, 3.0, 4.0]))).tolist() == [[0.5, 0.25]]
    assert mine.members[0].formula == "share of x > 2.5"
    assert families()["share_above"].usage == "share_above:LEVEL[:SCALE]"
    with pytest.raises(ValueError, match="feature 'quantile': the name is taken by quantile; choose another"):
        family("quantile", unit="", formula="", source="")(share_above)


def test_every_feature_says_what_it_is() -> None:
    for feature in registered().values():
        assert feature.formula, feature.name
        assert feature.source, feature.name
        assert "{" not in feature.formula, feature.name
    assert set(SETS) == {"standard", "vibration", "irregular"}


POWER = {"u": 1, "u/s": 1, "u^2": 2, "mm/s": 1, "": 0, "s": 0, "Hz": 0}
SCALABLE = [name for name in (*registered(), time_above(0.0)) if not name.startswith(("crossings", "time_"))]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(-20, 20))
def test_a_feature_scales_as_its_unit_says(seed: int, exponent: int) -> None:
    """Values in another unit, larger by a power of two, give the same times that power to the power in the unit."""
    x = np.random.default_rng(seed).normal(0.5, 2.0, 700)
    factor = 2.0**exponent
    every = FeatureSet("every", 1, tuple(SCALABLE))
    (plain,), (scaled,) = every.compute(waveforms(x)), every.compute(waveforms(x * factor))
    powers = np.array([POWER[lookup(name).unit] for name in SCALABLE])
    np.testing.assert_allclose(scaled, plain * factor**powers, rtol=1e-9, atol=0)


def test_a_slower_clock_scales_what_is_per_second() -> None:
    x = np.random.default_rng(1).normal(size=700)
    names = FeatureSet("every", 1, ("slope", "spectral_centroid", "peak_frequency:1", "mean", "octave_energy:1"))
    (fast,), (slow,) = names.compute(waveforms(x, rate=1000.0)), names.compute(waveforms(x, rate=500.0))
    np.testing.assert_allclose(slow, fast * [0.5, 0.5, 0.5, 1.0, 1.0], rtol=1e-9)
