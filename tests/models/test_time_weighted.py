from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.features import IRREGULAR, Context, FeatureSet, Segments, offsets_of, sets, time_above, time_in_state

NAN = math.nan
ALL = FeatureSet("all", 1, (*IRREGULAR.features, time_above(2.0), time_in_state(1.0), "missing_fraction"))
Sample = tuple[float, float]  # seconds, value; NaN = bad


def windows(*parts: tuple[float, list[Sample]], length: float = 10.0) -> Segments:
    """Of (value in force at the start, samples)."""
    good = [[sample for sample in samples if not math.isnan(sample[1])] for _, samples in parts]
    bad = [[time for time, value in samples if math.isnan(value)] for _, samples in parts]
    flat = [sample for samples in good for sample in samples]
    k = len(parts)
    context = Context(
        length_s=np.full(k, length),
        interval_s=np.zeros(k),
        expected=np.full(k, NAN),
        waveform=np.zeros(k, dtype=np.bool_),
        held=np.array([held for held, _ in parts]),
        unit=np.full(k, ""),
        bad=np.array([len(times) for times in bad]),
        bad_time_s=np.array([time for times in bad for time in times], dtype=float),
    )
    return Segments(
        np.array([value for _, value in flat], dtype=float),
        np.array([time for time, _ in flat], dtype=float),
        offsets_of(np.array([len(samples) for samples in good])),
        lambda: context,
    )


def row(held: float, *samples: Sample, length: float = 10.0) -> dict[str, float]:
    return dict(zip(ALL.features, ALL.compute(windows((held, list(samples)), length=length))[0].tolist(), strict=True))


def reference(held: float, samples: list[Sample], length: float) -> dict[str, float]:
    """A walk from change to change."""
    if samples and samples[0][0] == 0 and math.isnan(samples[0][1]):
        held = NAN
    walk = [(0.0, held), *samples]
    until = [time for time, _ in walk[1:]] + [length]
    steps = [(value, end - time) for (time, value), end in zip(walk, until, strict=True) if not math.isnan(value)]
    good = [value for value, _ in steps]
    known = math.fsum(seconds for _, seconds in steps)
    mean = math.fsum(value * seconds for value, seconds in steps) / known
    return {
        "tw_mean": mean,
        "tw_std": math.sqrt(math.fsum((value - mean) ** 2 * seconds for value, seconds in steps) / known),
        "tw_rms": math.sqrt(math.fsum(value**2 * seconds for value, seconds in steps) / known),
        "tw_min": min(good),
        "tw_max": max(good),
        "tw_last": good[-1],
        "travel": math.fsum(abs(b - a) for a, b in itertools.pairwise(good)),
        "time_above:2": math.fsum(seconds for value, seconds in steps if value > 2),
        "time_in_state:1": math.fsum(seconds for value, seconds in steps if value == 1),
    }


@example([(0.0, [(0, NAN)])])
@example([(5.5, [(0, NAN), (3, 1.0)]), (1.0, [])])
@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([NAN, 0.0, 1.0, 5.5]),
            st.lists(st.tuples(st.integers(0, 99), st.sampled_from([NAN, 0.0, 1.0, 2.5, -3.25])), max_size=8),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_agrees_with_a_walk_from_change_to_change(parts: list[tuple[float, list[tuple[int, float]]]]) -> None:
    walks = []
    for held, samples in parts:
        told = dict(samples)  # one sample a time: of two the order would matter
        walks.append((held, [(tick / 10, told[tick]) for tick in sorted(told)]))
    found = ALL.compute(windows(*walks))
    for index, (held, samples) in enumerate(walks):
        ended = math.isnan(held) or (samples and samples[0][0] == 0 and math.isnan(samples[0][1]))
        if ended and all(math.isnan(value) for _, value in samples):
            assert np.isnan(found[index, 1:-1]).all()
            continue
        expected = reference(held, samples, 10.0)
        for column, name in enumerate(ALL.features):
            if name in expected:
                np.testing.assert_allclose(found[index, column], expected[name], rtol=1e-9, atol=1e-9, err_msg=name)
    alone = np.concatenate([ALL.compute(windows(walk)) for walk in walks])
    assert alone.tobytes() == found.tobytes()


def test_pieces_and_the_company_of_other_features_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of samples, of values in force and of all windows go through three walks of their own."""
    rng = np.random.default_rng(3)
    walks: list[tuple[float, list[Sample]]] = [
        (
            float(rng.choice([NAN, 2.0])),
            [(tick / 10, float(rng.choice([NAN, 1.0, 3.0, 7.5]))) for tick in np.flatnonzero(rng.random(100) < chance)],
        )
        for chance in rng.choice([0.0, 0.01, 0.1, 0.5], 60)
    ]
    mixed = FeatureSet("mixed", 1, ("mean", "median", *ALL.features, "slope"))
    together = mixed.compute(windows(*walks))
    alone = np.concatenate([mixed.compute(windows(walk)) for walk in walks])
    monkeypatch.setattr(sets, "PIECE", 40)
    pieces = mixed.compute(windows(*walks))
    assert alone.tobytes() == together.tobytes() == pieces.tobytes()
    assert np.isnan(together[:, 0]).any()
    assert np.isfinite(together[np.isnan(together[:, 0]), 3]).any()


def test_a_long_hour_weighs_more_than_a_short_second() -> None:
    found = row(NAN, (0.0, 1.0), (9.0, 11.0))
    assert found["tw_mean"] == pytest.approx(2.0)
    assert found["tw_std"] == pytest.approx(3.0)
    assert found["time_above:2"] == pytest.approx(1.0)


def test_a_window_without_a_sample_has_what_was_in_force() -> None:
    found = row(7.0)
    assert [found[name] for name in IRREGULAR.features] == [0.0, 7.0, 0.0, 7.0, 7.0, 7.0, 7.0, 0.0]
    assert found["time_above:2"] == 10.0
    assert found["missing_fraction"] == 0.0
    nothing = row(NAN)
    assert (nothing["count"], nothing["missing_fraction"]) == (0.0, 1.0)
    assert math.isnan(nothing["tw_mean"])


def test_after_a_bad_sample_nothing_is_known_until_the_next_good_one() -> None:
    found = row(1.0, (2.0, NAN), (8.0, 5.0))
    assert found["tw_mean"] == pytest.approx((1.0 * 2 + 5.0 * 2) / 4)
    assert found["time_in_state:1"] == pytest.approx(2.0)
    assert found["missing_fraction"] == pytest.approx(0.5)


def test_what_a_bad_sample_ends_at_once_is_not_known() -> None:
    found = row(1.0, (0.0, NAN))
    assert all(math.isnan(found[name]) for name in ("tw_mean", "tw_last", "travel", "time_in_state:1"))
    assert row(1.0, (0.0, NAN), (4.0, 5.0))["tw_min"] == 5.0


def test_where_no_time_passed_samples_weigh_the_same() -> None:
    assert row(NAN, (3.0, 1.0), (3.0, 2.0), length=0.0)["tw_mean"] == pytest.approx(1.5)
    assert row(NAN, (3.0, 4.0), length=0.0)["tw_mean"] == 4.0
