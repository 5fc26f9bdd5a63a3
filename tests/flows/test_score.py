from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flows_gateway import ListModels, MeanScorer, scores_of
from flows_streams import T0, S, block, regular

from cloud_sink.records import Event
from connectors.samples import Item, SampleBatch
from connectors.tags import TagTable
from flows.blocks import FeatureBlock, ScoredBlock
from flows.featurize import features_of
from flows.model_rows import rows_for, rows_of
from flows.recorded import feature_rows, windows_of
from flows.score_state import ScoreState
from flows.summarize import summaries_of
from flows.window_settings import WindowSettings
from models.features import STANDARD, FeatureSet
from models.scores import Scores
from models.served import Why
from models.state import State

TUMBLING = WindowSettings("10s", lateness="2s")


def featurized(items: list[SampleBatch], feature_set: FeatureSet = STANDARD) -> list[FeatureBlock]:
    return features_of(list(windows_of(items, TUMBLING)), feature_set)


def test_assets_that_share_a_model_are_scored_in_one_call() -> None:
    blocks = featurized([*regular(25, "one"), *regular(25, "two", value=50.0), *regular(25, "three")])
    shared, own = MeanScorer(), MeanScorer(limit=1.0, model="own@2")
    scored = scores_of(blocks, {"one": shared, "two": shared, "three": own}.get)
    assert (shared.calls, own.calls) == ([4], [2])
    assert [(b.asset, b.model, b.score.tolist()) for b in scored] == [
        ("one", "means@1", [pytest.approx(0.55)]),
        ("one", "means@1", [pytest.approx(1.55)]),
        ("two", "means@1", [pytest.approx(5.45)]),
        ("two", "means@1", [pytest.approx(6.45)]),
        ("three", "own@2", [pytest.approx(5.5)]),
        ("three", "own@2", [pytest.approx(15.5)]),
    ]
    (verdict,) = scored[0].verdicts
    assert verdict.tags == ("speed", "current")
    np.testing.assert_allclose(verdict.contributions.sum(axis=1), 1.0)


def test_tags_and_features_are_picked_by_name_in_the_models_order() -> None:
    seen = []

    class Recorder(MeanScorer):
        def score(self, rows: np.ndarray, state: State = ()) -> Scores:
            seen.append(rows.copy())
            return super().score(rows, state)

    scores_of(featurized(list(regular(13))), {"press": Recorder()}.get)
    assert seen[0].tolist() == [[[110.0, 105.5], [10.0, 5.5]]]  # (speed, current) x (last, mean)


def test_too_little_coverage_abstains_and_hides_the_row_from_the_model() -> None:
    sparse = [block(*((t, 0, 1.0) for t in range(4)), *((t, 1, 1.0) for t in range(10))), *regular(13, start=10)]
    seen = []

    class Recorder(MeanScorer):
        def score(self, rows: np.ndarray, state: State = ()) -> Scores:
            seen.append(rows.copy())
            return super().score(rows, state)

    (first, second) = scores_of(featurized(sparse), {"press": Recorder()}.get)
    ((seen_row,),) = seen
    assert seen_row.tolist() == [[120.0, 115.5], [20.0, 15.5]]
    assert np.isnan(first.score).all()
    assert first.model == "means@1"
    np.testing.assert_allclose(first.verdicts[0].coverage, [[0.5, 0.4]])
    assert first.verdicts[0].why.tolist() == [Why.QUALITY]
    assert np.isfinite(second.score).all()


def test_exactly_the_minimum_coverage_is_enough() -> None:
    sparse = [block(*((t, 0, 1.0) for t in range(7)), *((t / 2, 1, 1.0) for t in range(14))), block((13, 0, 1.0))]
    (scored,) = scores_of(featurized(sparse), {"press": MeanScorer(min_coverage=0.7)}.get)
    assert np.isfinite(scored.score).all()


def test_a_model_that_wants_a_tag_the_asset_lacks_abstains() -> None:
    scorer = MeanScorer(tags=("speed", "torque", "current"))
    (scored,) = scores_of(featurized(list(regular(13))), {"press": scorer}.get)
    assert np.isnan(scored.score).all()
    assert scored.verdicts[0].coverage.tolist() == [[0.5, 0.0, 1.0]]


def test_a_value_too_large_for_its_features_abstains() -> None:
    wild = [block(*((t, g, (-1) ** t * 1e300) for t in range(10) for g in range(2))), block((13, 0, 1.0))]
    (scored,) = scores_of(featurized(wild), {"press": MeanScorer(features=("std", "mean"))}.get)
    assert np.isnan(scored.score).all()


def test_a_model_that_overflows_abstains() -> None:
    with np.errstate(over="ignore"):
        (scored,) = scores_of(featurized(list(regular(13))), {"press": MeanScorer(limit=1e-320)}.get)
    assert np.isnan(scored.score).all()


def test_no_model_is_said_plainly() -> None:
    (scored,) = scores_of(featurized(list(regular(13))), lambda asset: None)
    assert (scored.model, scored.verdicts, np.isnan(scored.score).all()) == ("", (), True)
    (summary,) = summaries_of(scored)
    assert np.isnan(summary.threshold)


def test_a_model_that_wants_a_feature_nobody_computes_is_never_called_and_that_is_told_once() -> None:
    models = ListModels({"press": MeanScorer()}.get)
    state = ScoreState(models)
    blocks = featurized(list(regular(33)), FeatureSet("one", 1, ("mean",)))
    out = [one for block in blocks for one in state.push([block])]
    (event,) = [one for one in out if isinstance(one, Event)]
    assert (event.asset, event.kind, event.reason, event.source) == ("press", "model", "misfit", "means@1")
    assert "the model wants features ['last'], the flow computes ['mean']" in event.detail
    scored = [one for one in out if isinstance(one, ScoredBlock)]
    assert [one.verdicts[0].why.tolist() for one in scored] == [[Why.OFF]] * len(blocks)
    assert models.outcomes[0].off


def test_a_summary_holds_what_the_block_says() -> None:
    (scored,) = scores_of(featurized(list(regular(13))), {"press": MeanScorer()}.get)
    (summary,) = summaries_of(scored)
    assert (summary.asset, summary.start, summary.end) == ("press", T0, T0 + 10 * S)
    assert summary.tags == ("current", "speed", "door")
    assert summary.features == STANDARD.features
    assert summary.values.dtype == np.float32
    assert summary.values[:, 0].tolist() == [5.5, 105.5, 205.5]
    assert (summary.score, summary.threshold, summary.model) == (pytest.approx(0.55), 1.0, "means@1")


def test_training_sees_exactly_the_rows_that_serving_judges() -> None:
    gappy: list[Item] = [b for i, b in enumerate(regular(200)) if not (i // 10 % 3 == 1 and i % 10 > 3)]
    scorer = MeanScorer()
    rows, starts = feature_rows(gappy, TUMBLING, STANDARD, scorer.tags, scorer.features, scorer.min_coverage)
    served = scores_of(featurized(gappy), {"press": scorer}.get)  # type: ignore[arg-type]
    judged = [int(b.start[0]) for b in served if np.isfinite(b.score[0])]
    assert starts.tolist() == judged
    assert 5 < len(judged) < len(served)
    np.testing.assert_array_equal(scorer.score(rows).score, [b.score[0] for b in served if np.isfinite(b.score[0])])
    assert rows.shape == (len(judged), 2, 2)


def test_assets_of_several_kinds_are_picked_from_together_as_each_alone() -> None:
    blocks = featurized([*regular(25, "one"), *regular(25, "two", value=50.0)])
    (bare,) = [replace(blocks[0], tags=TagTable("bare", ()), n=blocks[0].n[:, :0], coverage=blocks[0].coverage[:, :0])]
    short = replace(blocks[1], tags=TagTable("short", blocks[1].tags.tags[:2]), values=blocks[1].values[:, :2])
    short = replace(short, n=short.n[:, :2], coverage=np.full((1, 2), np.nan, np.float32))
    mixed = [blocks[0], short, short, bare, *blocks[1:]]
    rows, coverage = rows_of(mixed, ("door", "speed"), ("mean", "last"))
    alone = [rows_for(block, ("door", "speed"), ("mean", "last")) for block in mixed]
    np.testing.assert_array_equal(rows, np.concatenate([values for values, _ in alone]))
    np.testing.assert_array_equal(coverage, np.concatenate([covered for _, covered in alone]))
    assert coverage[:4].tolist() == [[1.0, 0.5], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]]


def test_an_asset_without_tags_is_harmless() -> None:
    (one,) = featurized(list(regular(13)))
    empty = replace(
        one,
        tags=TagTable("bare", ()),
        n=one.n[:, :0],
        n_bad=one.n_bad[:, :0],
        coverage=one.coverage[:, :0],
        values=one.values[:, :0],
    )
    (scored,) = scores_of([empty], lambda asset: MeanScorer())
    assert np.isnan(scored.score).all()
