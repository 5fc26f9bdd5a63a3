from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.features import STANDARD, FeatureSet, Segments, feature, join, offsets_of, registered, registry, sets


def segments(*values: list[float], step: float = 0.5) -> Segments:
    counts = np.array([len(v) for v in values], dtype=np.int64)
    time = [np.arange(len(v)) * step for v in values]
    return Segments(
        np.concatenate([*map(np.array, values), []]).astype(float), np.concatenate([*time, []]), offsets_of(counts)
    )


def reference(x: list[float], t: list[float]) -> dict[str, float]:
    """Definitions, in exact sums (math.fsum) about the exact mean: obviously right, slow."""
    n = len(x)
    if n == 0:
        return dict.fromkeys(STANDARD.features, math.nan)
    mean = min(max(math.fsum(x) / n, min(x)), max(x))
    first = x[0]
    shifted = [v - first for v in x]
    centre = math.fsum(shifted) / n
    c = [v - centre for v in shifted]
    m2, m3, m4 = (math.fsum(v**p for v in c) / n for p in (2, 3, 4))
    if max(x) == min(x):
        m2 = m3 = m4 = 0.0
    tmean = math.fsum(t) / n
    stt = math.fsum((s - tmean) ** 2 for s in t)
    rms = math.sqrt(math.fsum(v * v for v in x) / n)
    return {
        "mean": mean,
        "std": math.sqrt(m2),
        "min": min(x),
        "max": max(x),
        "rms": rms,
        "first": x[0],
        "last": x[-1],
        "slope": math.fsum((s - tmean) * v for s, v in zip(t, c, strict=True)) / stt if stt > 0 else 0.0,
        "skewness": m3 / m2**1.5 if m2 > 0 else 0.0,
        "kurtosis": m4 / m2**2 - 3 if m2 > 0 else 0.0,
        "mean_abs_change": math.fsum(abs(b - a) for a, b in itertools.pairwise(x)) / (n - 1) if n > 1 else 0.0,
        "crest": max(map(abs, x)) / rms if rms > 0 else 0.0,
    }


def assert_agrees(s: Segments, rtol: float, atol: float = 1e-12) -> None:
    found = STANDARD.compute(s)
    for row in range(len(s)):
        span = slice(s.offsets[row], s.offsets[row + 1])
        expected = reference(s.value[span].tolist(), s.time_s[span].tolist())
        for column, name in enumerate(STANDARD.features):
            np.testing.assert_allclose(found[row, column], expected[name], rtol=rtol, atol=atol, err_msg=name)


def test_standard_has_the_twelve() -> None:
    assert len(STANDARD.features) == 12
    assert set(STANDARD.features) <= set(registered())


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        hnp.arrays(float, st.integers(0, 40), elements=st.floats(-1e3, 1e3).map(lambda v: round(v, 3))),
        min_size=1,
        max_size=8,
    )
)
def test_agrees_with_the_definitions(columns: list[np.ndarray]) -> None:
    assert_agrees(segments(*(c.tolist() for c in columns)), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("offset", "scale", "rtol"),
    [(0.0, 1.0, 1e-12), (1e9, 1.0, 1e-9), (-1e9, 1e-3, 1e-6), (0.0, 1e-150, 1e-9), (0, 1e70, 1e-9)],
)
def test_noise_on_a_huge_offset_keeps_its_digits(offset: float, scale: float, rtol: float) -> None:
    noise = np.random.default_rng(1).normal(size=(5, 200)) * scale + offset
    if scale == 1e-150:  # the fourth power is below the smallest double: shape is then said to be 0
        found = STANDARD.compute(segments(*noise.tolist()))
        np.testing.assert_allclose(found[:, 1], noise.std(axis=1), rtol=rtol)
        assert np.isfinite(found).all()
    else:
        assert_agrees(segments(*noise.tolist()), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("value", [0.0, 7.1, -1e9 - 0.1, 0.1 + 0.2])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 1000])
def test_a_constant_has_no_spread_no_shape_no_change(value: float, n: int) -> None:
    row = dict(zip(STANDARD.features, STANDARD.compute(segments([value] * n))[0], strict=True))
    assert row["mean"] == row["min"] == row["max"] == row["first"] == row["last"] == value
    assert [row[k] for k in ("std", "slope", "skewness", "kurtosis", "mean_abs_change")] == [0.0] * 5
    assert row["crest"] == pytest.approx(0.0 if value == 0 else 1.0)


def test_empty_segments_are_nan_and_disturb_nobody() -> None:
    found = STANDARD.compute(segments([], [1.0, 2.0], [], [], [5.0], []))
    assert np.isnan(found[[0, 2, 3, 5]]).all()
    assert np.isfinite(found[[1, 4]]).all()
    assert np.isnan(STANDARD.compute(segments([], []))).all()
    assert STANDARD.compute(segments()).shape == (0, 12)


def test_overflow_shows_as_not_finite_and_warns_nobody() -> None:
    with np.errstate(all="raise"):
        assert not np.isfinite(STANDARD.compute(segments([1e300, -1e300, 1e300]))).all()


def test_times_that_stand_still_have_no_slope() -> None:
    assert STANDARD.compute(segments([1.0, 2.0, 3.0], step=0.0))[0, STANDARD.features.index("slope")] == 0


def test_a_result_does_not_depend_on_the_company_it_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit: else a restart, which groups windows otherwise, would change what is reported."""
    rng = np.random.default_rng(7)
    parts = [segments(*(rng.normal(size=n).tolist() for n in rng.integers(0, 300, 5))) for _ in range(12)]
    alone = np.concatenate([STANDARD.compute(part) for part in parts])
    together = STANDARD.compute(join(parts))
    monkeypatch.setattr(sets, "PIECE", 500)
    pieces = STANDARD.compute(join(parts))
    assert alone.tobytes() == together.tobytes() == pieces.tobytes()


def test_a_feature_is_one_function_and_one_decorator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTRY", registered())

    @feature("midrange", unit="u", formula="(max + min) / 2", source="definition")
    def midrange(s: Segments) -> np.ndarray:
        return (s.maximum + s.minimum) / 2

    mine = FeatureSet("mine", 1, ("midrange", "last"))
    assert mine.compute(segments([1.0, 3.0, 4.0])).tolist() == [[2.5, 4.0]]
    with pytest.raises(ValueError, match=r"feature 'mean': the name is taken"):
        feature("mean", unit="u", formula="", source="")(midrange)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "at least one, each once"),
        (("mean", "mean"), "at least one, each once"),
        (("mean", "nonsense"), r"'nonsense': must be registered; there is .*mean.*quantile:Q"),
        (("quantile:0.90",), r"'quantile:0.90' must be written as 'quantile:0.9'"),
    ],
)
def test_a_set_that_cannot_be_is_refused(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FeatureSet("bad", 1, names)


def test_what_the_standard_set_computes_is_what_bundles_were_trained_on() -> None:
    """Pinned: a bundle keeps it, and a gateway refuses a bundle of another."""
    assert STANDARD.hash == "c04a9ce9c8f7bf55"
    assert [member.name for member in STANDARD.members if member.spread] == ["std", "mean_abs_change"]  # on a log scale


def test_the_hash_follows_what_is_computed() -> None:
    hashes = {
        FeatureSet("a", 1, ("mean", "std")).hash,
        FeatureSet("a", 2, ("mean", "std")).hash,
        FeatureSet("a", 1, ("std", "mean")).hash,
        FeatureSet("b", 1, ("mean", "std")).hash,
    }
    assert len(hashes) == 4
    assert FeatureSet("a", 1, ("mean", "std")).hash == FeatureSet("a", 1, ("mean", "std")).hash
