"""Windows joined are the window they would have been, by the features' own code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloud_sink.records import OtherScore, WindowSummary
from cloud_sink.rewindow import JOINS, join, side_by_side
from models.features import FeatureSet, Segments, offsets_of

NAMES = (
    "mean",
    "std",
    "min",
    "max",
    "rms",
    "first",
    "last",
    "skewness",
    "kurtosis",
    "crest",
    "range",
    "count",
    "energy",
)
SECOND = 10**9


def windows(samples, lengths, start=0):
    """Summaries of consecutive windows of 10 s over the samples of two tags, and the one over all of them."""
    features = FeatureSet("test", "1", NAMES)

    def summary(parts, begin, end):
        counts = np.array([len(part) for part in parts])
        values = np.concatenate(parts)
        segments = Segments(values, np.arange(len(values), dtype=float), offsets_of(counts))
        return WindowSummary(
            "pump",
            begin,
            end,
            ("a", "b"),
            NAMES,
            counts.astype(np.int32),
            np.ones(2, np.int32),
            np.ones(2, np.float32),
            features.compute(segments).astype(np.float32),
            0.5,
            1.0,
            "m@1",
        )

    ends = np.cumsum(lengths)
    pieces = [
        summary([tag[end - n : end] for tag in samples], start + i * 10 * SECOND, start + (i + 1) * 10 * SECOND)
        for i, (n, end) in enumerate(zip(lengths, ends, strict=True))
    ]
    return pieces, summary(list(samples), start, start + len(lengths) * 10 * SECOND)


@pytest.mark.parametrize("seed", range(5))
def test_joined_windows_are_the_window_they_would_have_been(seed):
    chance = np.random.default_rng(seed)
    lengths = [int(n) for n in chance.integers(5, 200, 6)]
    samples = chance.gamma(2.0, 3.0, size=(2, sum(lengths))) + np.array([[100.0], [-3.0]])
    pieces, whole = windows(samples, lengths)
    joined = join(pieces)
    assert joined.features == NAMES
    assert (joined.start, joined.end) == (whole.start, whole.end)
    assert joined.n.tolist() == whole.n.tolist()
    assert joined.n_bad.tolist() == [6, 6]
    np.testing.assert_allclose(joined.values, whole.values, rtol=2e-4, atol=2e-3)


def test_a_window_without_a_good_sample_has_no_say():
    chance = np.random.default_rng(1)
    pieces, whole = windows(chance.normal(5, 1, size=(2, 40)), [20, 0, 20])
    assert np.isnan(pieces[1].values[:, 0]).all()
    np.testing.assert_allclose(join(pieces).values, whole.values, rtol=1e-3, atol=1e-3)
    nothing = join([pieces[1], replace(pieces[1], start=pieces[1].end, end=pieces[1].end + 1)])
    assert np.isnan(nothing.values[:, NAMES.index("mean")]).all()
    assert np.isnan(nothing.values[:, NAMES.index("last")]).all()


def test_what_does_not_follow_is_left_out():
    pieces, _ = windows(np.ones((2, 20)), [10, 10])
    renamed = [replace(piece, features=("slope", "std", "median", *NAMES[3:])) for piece in pieces]
    assert join(renamed).features == ("max", "rms", "first", "last", "crest", "count", "energy")


def test_of_time_weighted_means_the_weight_is_the_time():
    shape = {"tags": ("a",), "features": ("tw_mean", "tw_std", "tw_rms", "travel", "tw_last", "tw_max")}
    pieces, _ = windows(np.ones((2, 20)), [10, 10])
    column = np.zeros(1, np.int32)

    def piece(start, end, coverage, values):
        return replace(
            pieces[0],
            start=start * SECOND,
            end=end * SECOND,
            n=column,
            n_bad=column,
            coverage=np.array([coverage], np.float32),
            values=np.array([values], np.float32),
            **shape,
        )

    # 2 in force for 10 s; 5 for 10 s of 20 s; then nothing
    whole = join(
        [
            piece(0, 10, np.nan, [2, 0, 2, 0, 2, 2]),
            piece(10, 30, 0.5, [5, 0, 5, 3, 5, 5]),
            piece(30, 40, 0, [np.nan] * 6),
        ]
    )
    mean, std, rms, travel, last, most = whole.values[0]
    assert (mean, std, travel, last, most) == (3.5, 1.5, 3, 5, 5)
    assert rms == pytest.approx(np.sqrt((4 + 25) / 2))


def test_the_window_that_stood_out_most_lends_its_score():
    pieces, _ = windows(np.ones((2, 30)), [10, 10, 10])
    scored = [replace(pieces[0], score=float("nan")), replace(pieces[1], score=3.0, model="m@2"), pieces[2]]
    whole = join(scored)
    assert (whole.score, whole.model) == (3.0, "m@2")
    assert join([scored[0]]).model == "m@1"


def test_so_does_each_further_model():
    pieces, _ = windows(np.ones((2, 30)), [10, 10, 10])
    said = [
        (OtherScore("f@1", 0.5, shadow=False), OtherScore("m@2", float("nan"), shadow=True)),
        (OtherScore("f@1", float("nan"), shadow=False),),
        (OtherScore("f@1", 0.7, shadow=False),),
    ]
    whole = join([replace(piece, others=others) for piece, others in zip(pieces, said, strict=True)])
    assert [(other.model, other.shadow) for other in whole.others] == [("f@1", False), ("m@2", True)]
    assert whole.others[0].score == 0.7
    assert np.isnan(whole.others[1].score)


def test_coverage_is_of_the_whole_span():
    pieces, _ = windows(np.ones((2, 30)), [10, 10, 10])
    assert join([pieces[0], pieces[2]]).coverage.tolist() == pytest.approx([2 / 3, 2 / 3])


def test_flags_of_one_are_those_of_all():
    pieces, _ = windows(np.ones((2, 20)), [10, 10])
    whole = join([pieces[0], replace(pieces[1], partial=True, backfilled=True)])
    assert whole.partial
    assert whole.backfilled


def test_of_hopping_windows_those_side_by_side():
    pieces, _ = windows(np.ones((2, 60)), [10] * 6)
    hopping = [replace(piece, end=piece.start + 30 * SECOND) for piece in pieces]
    assert [w.start // SECOND for w in side_by_side(hopping)] == [0, 30]


def test_every_rule_is_of_a_feature_there_is():
    from models.features import families, registered

    assert set(JOINS) <= set(registered()) | set(families())
