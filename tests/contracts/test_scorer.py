"""What every scorer promises the flow, whichever it is. A new kind of scorer is one more parameter here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.feature_rows import FeatureRows
from models.features import FeatureSet
from models.onnx_scorer import OnnxScorer
from models.scores import Scorer, Scores
from models.training import train

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.state import State

TAGS, FEATURES = ("flow", "pressure"), ("mean", "std", "max")
CENTRE = 50.0


class LargestDeviation:
    """The smallest scorer there can be, in plain numpy: distance of the worst feature from 50, over 10."""

    tags = TAGS
    features = FEATURES
    min_coverage = 0.8
    model = "largest@1"
    state = ()
    warm_up = 0
    every_ns = 0
    reference = None

    def score(self, rows: NDArray[np.float64], state: State = ()) -> Scores:
        usable = np.isfinite(rows).all(axis=(1, 2))
        per_tag = np.abs(np.where(usable[:, None, None], rows, np.nan) - CENTRE).max(axis=2, initial=0.0)
        shares = (per_tag + 1e-30) / (per_tag + 1e-30).sum(axis=1, keepdims=True)
        return Scores(per_tag.max(axis=1, initial=0.0) / 10.0, shares, TAGS, self.model)


@pytest.fixture(scope="module")
def onnx(tmp_path_factory) -> OnnxScorer:
    out = tmp_path_factory.mktemp("contract") / "bundle"
    second = 10**9
    rows = FeatureRows(
        values=CENTRE + np.random.default_rng(2).normal(size=(100, 2, 3)),
        tags=TAGS,
        feature_set=FeatureSet("tiny", 1, FEATURES),
        window_length_ns=2 * second,
        window_every_ns=second,
        starts=np.arange(100) * second,
    )
    train(rows, name="contract", version="1", out=out)
    return OnnxScorer.load(out)


@pytest.fixture(params=["onnx", "numpy"], scope="module")
def scorer(request, onnx) -> Scorer:
    return {"onnx": onnx, "numpy": LargestDeviation()}[request.param]


def some_rows(n: int) -> NDArray[np.float64]:
    return CENTRE + 3.0 * np.random.default_rng(7).normal(size=(n, 2, 3))


@pytest.mark.parametrize("n", [0, 1, 2, 100])
def test_one_score_and_one_share_per_tag_for_each_row(scorer, n):
    scores = scorer.score(some_rows(n))
    assert (scores.score.shape, scores.score.dtype) == ((n,), np.float64)
    assert (scores.contributions.shape, scores.contributions.dtype) == ((n, 2), np.float64)
    assert scores.tags == scorer.tags == TAGS
    assert scorer.features == FEATURES
    assert 0 <= scorer.min_coverage <= 1
    assert scores.model.count("@") == 1
    assert scores.model == scorer.model
    assert (scorer.state, scorer.warm_up, scores.state) == ((), 0, ())


def test_shares_sum_to_one_and_are_none_below_zero(scorer):
    shares = scorer.score(some_rows(50)).contributions
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_farther_is_higher(scorer):
    rows = CENTRE + np.linspace(0, 1000, 30)[:, None, None] * np.ones((1, 2, 3))
    assert (np.diff(scorer.score(rows).score) > 0).all()


def test_normal_is_below_the_threshold_and_absurd_above(scorer):
    rows = np.full((2, 2, 3), CENTRE)
    rows[1, 1] = 1000.0
    assert (scorer.score(rows).score > 1.0).tolist() == [False, True]


def test_it_blames_the_tag_that_is_off(scorer):
    rows = np.full((1, 2, 3), CENTRE)
    rows[0, 1] = 1000.0
    assert scorer.score(rows).contributions[0, 1] > 0.9


def test_the_same_rows_score_the_same(scorer):
    first, second = scorer.score(some_rows(20)), scorer.score(some_rows(20))
    np.testing.assert_array_equal(first.score, second.score)
    np.testing.assert_array_equal(first.contributions, second.contributions)


HOLES = hnp.arrays(np.bool_, st.integers(0, 8), elements=st.booleans())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(HOLES, st.sampled_from([np.nan, np.inf, -np.inf]), st.integers(0, 5))
def test_a_row_with_a_hole_abstains_and_touches_no_other(scorer, holes, hole, where):
    whole = some_rows(len(holes))
    rows = whole.copy()
    rows.reshape(len(rows), 6)[holes, where] = hole
    got, want = scorer.score(rows), scorer.score(whole)
    np.testing.assert_array_equal(np.isnan(got.score), holes)
    np.testing.assert_array_equal(np.isnan(got.contributions).all(axis=1), holes)
    np.testing.assert_array_equal(got.score[~holes], want.score[~holes])
    np.testing.assert_array_equal(got.contributions[~holes], want.contributions[~holes])


def test_a_row_scores_the_same_to_the_last_bit_in_any_company(scorer):
    rows = some_rows(40)
    whole = scorer.score(rows)
    for cut in (slice(0, 1), slice(3, 4), slice(0, 7), slice(5, 38), slice(None, None, 3)):
        part = scorer.score(rows[cut])
        np.testing.assert_array_equal(part.score, whole.score[cut])
        np.testing.assert_array_equal(part.contributions, whole.contributions[cut])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(hnp.arrays(np.float64, (1, 2, 3), elements=st.floats(-1e300, 1e300)))
def test_no_finite_row_goes_unscored(scorer, row):
    assert np.isfinite(scorer.score(row).score).all()
