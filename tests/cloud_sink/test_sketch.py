from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sink.sketch import ACCURACY, Sketches, bucket_of, merge, quantile, sketch, value_of

finite = st.floats(-1e308, 1e308)
columns = st.lists(st.tuples(st.integers(0, 2), finite), max_size=60)


def of(samples, since=0):
    return sketch(since, 3, np.array([tag for tag, _ in samples], int), np.array([v for _, v in samples], float))


def same(a: Sketches, b: Sketches) -> bool:
    return a.since == b.since and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ("sizes", "buckets", "counts")
    )


@given(st.lists(finite, min_size=1, max_size=50))
def test_what_stands_for_a_value_is_within_a_hundredth_of_it(values):
    values = np.array(values)
    off = np.abs(value_of(bucket_of(values)) - values)
    tiny = np.abs(values) <= 1e-17
    assert (off[~tiny] <= ACCURACY * (1 + 1e-9) * np.abs(values[~tiny])).all()
    assert (off[tiny] <= 1e-17).all()


@given(st.lists(finite, min_size=2, max_size=50))
def test_buckets_are_in_order_of_values(values):
    ordered = np.sort(np.array(values))
    assert (np.diff(bucket_of(ordered)) >= 0).all()
    assert np.array_equal(bucket_of(-ordered), -bucket_of(ordered))


@pytest.mark.parametrize("shape", ["normal", "lognormal", "signed", "integers", "constant"])
@pytest.mark.parametrize("q", [0.0, 0.01, 0.25, 0.5, 0.95, 0.999, 1.0])
def test_quantiles_are_within_a_hundredth(shape, q):
    chance = np.random.default_rng(3)
    values = {
        "normal": chance.normal(80, 2, 36_000),
        "lognormal": chance.lognormal(0, 4, 36_000),
        "signed": chance.normal(0, 1, 36_000),
        "integers": chance.integers(-3, 4, 36_000).astype(float),
        "constant": np.full(36_000, -0.1),
    }[shape]
    hours = [sketch(hour, 1, np.zeros(3600, int), values[hour * 3600 : (hour + 1) * 3600]) for hour in range(10)]
    found = quantile(*merge(hours).of_tag(0), q)
    exact = np.quantile(values, q, method="lower")
    assert abs(found - exact) <= ACCURACY * (1 + 1e-9) * abs(exact)


@given(columns, columns, columns)
@settings(deadline=None)
def test_merging_is_the_sketch_of_all_samples_in_any_order(a, b, c):
    whole = of(a + b + c, since=1)
    assert same(merge([of(a, 3), of(b, 1), of(c, 2)]), whole)
    assert same(merge([merge([of(c, 2), of(b, 1)]), of(a, 3)]), whole)
    assert whole.counts.sum() == len(a + b + c)


def test_a_tag_without_a_sample():
    found = of([(2, 1.0), (0, -1.0)])
    assert found.sizes.tolist() == [1, 0, 1]
    assert [len(found.of_tag(tag)[0]) for tag in range(3)] == [1, 0, 1]
    assert np.isnan(quantile(*found.of_tag(1), 0.5))
    assert [quantile(*found.of_tag(tag), 0.5) for tag in (0, 2)] == pytest.approx([-0.99, 0.99]), (
        "the edge of a bucket is the worst case"
    )


def test_it_agrees_with_the_mapping_of_the_paper():
    """Bucket i holds (gamma^(i-1), gamma^i]: at the edges themselves, as far as a float can tell."""
    gamma = (1 + ACCURACY) / (1 - ACCURACY)
    for i in (-900, -1, 0, 1, 7, 900):
        inside = np.array([gamma**i * (1 - 1e-9), gamma ** (i - 1) * (1 + 1e-9)])
        assert (bucket_of(inside) == i + 2048).all()
        assert value_of(bucket_of(inside)) == pytest.approx([2 * gamma**i / (gamma + 1)] * 2)
