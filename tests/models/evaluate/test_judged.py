from __future__ import annotations

import numpy as np
import pytest

from models.evaluate.events import EventCounts
from models.evaluate.judged import Case, Judged, figures
from models.evaluate.legend import FIGURES
from models.evaluate.pointwise import Counts

SECONDS = np.arange(12.0) * 2.0
TRUTH = np.array([0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
SCORE = np.array([0.1, 2.0, 0.3, 0.4, 0.5, 3.0, 4.0, 0.2, np.nan, 0.1, 0.2, 0.3])


def judged(score=SCORE, truth=TRUTH, limit=1.0):
    return Judged("a", truth, score, SECONDS, 2.0, limit)


def test_a_case_worked_out_by_hand():
    part = judged().summary()
    assert part.counts == Counts(tp=2, fp=2, fn=2, tn=6)
    assert part.events == EventCounts(events=1, delays_s=(2.0,), episodes=3, false_episodes=2, normal_s=16.0)
    assert part.unscored == 1
    got = figures([part])
    assert got["f1"] == pytest.approx(0.5)
    assert (got["far"], got["mar"]) == (pytest.approx(0.25), pytest.approx(0.5))
    assert got["balanced_accuracy"] == pytest.approx(1 - (0.25 + 0.5) / 2)
    # Of the 32 pairs of an anomalous and a normal row: 0.2 beats two and ties one, 0.5 beats 6, 3 and 4 beat 7.
    assert got["roc_auc"] == pytest.approx((2 + 0.5 + 6 + 7 + 7) / 32)
    assert (got["found"], got["event_precision"], got["delay_s"]) == (1.0, pytest.approx(1 / 3), 2.0)
    assert got["false_alarms_per_day"] == pytest.approx(2 / 16 * 86_400)
    assert got["unscored"] == pytest.approx(1 / 12)


def test_no_score_is_an_alarm_and_ranks_above_all():
    only = judged(np.where(TRUTH, np.nan, 0.0)).summary()
    got = figures([only])
    assert (got["f1"], got["roc_auc"], got["pr_auc"]) == (1.0, 1.0, 1.0)


def test_files_are_pooled_by_rows_and_ranked_each_by_itself():
    quiet = np.zeros(12, dtype=bool)
    parts = [judged().summary(), judged(np.zeros(12)).summary(), judged(SCORE, quiet).summary()]
    got = figures(parts)
    assert got["far"] == pytest.approx((2 + 0 + 4) / (8 + 8 + 12))
    assert got["mar"] == pytest.approx((2 + 4) / 8)
    assert got["roc_auc"] == pytest.approx((parts[0].roc_auc + 0.5) / 2)
    assert got["found"] == 0.5


def test_nab_counts_alerts_and_not_rows_and_forgives_no_false_one():
    truth = np.zeros(1000, dtype=bool)
    truth[400:500] = True
    time = np.arange(1000.0)

    def nab(*rows, score=2.0):
        values = np.zeros(1000)
        values[list(rows)] = score
        return figures([Judged("a", truth, values, time, 1.0).summary()])

    assert nab(400)["nab"] == pytest.approx(100.0)
    assert nab(*range(400, 460))["nab"] == pytest.approx(100.0)
    assert nab(10, 400)["nab"] == pytest.approx(100 - 100 * 0.11 / 2)  # nothing is left out at the start
    assert nab(10, 400)["nab_low_fp"] == pytest.approx(100 - 100 * 0.22 / 2)
    assert nab(10, 400)["nab_low_fn"] == pytest.approx(100 - 100 * 0.11 / 3)
    assert nab(10, 20, 400)["nab"] == nab(10, 400)["nab"]  # told once
    assert nab()["nab"] == 0.0


def test_where_there_is_nothing_to_count_there_is_no_figure():
    got = figures([judged(truth=np.zeros(12, dtype=bool)).summary()])
    for key in ("f1", "mar", "balanced_accuracy", "roc_auc", "pr_auc", "vus_pr", "found", "delay_s", "nab"):
        assert np.isnan(got[key]), key
    assert got["far"] == pytest.approx(4 / 12)


def test_every_figure_has_a_definition_and_a_source():
    assert set(figures([judged().summary()])) <= set(FIGURES)
    for figure in FIGURES.values():
        assert figure.definition
        assert figure.source
        assert figure.better in {"high", "low"}


def test_only_rows_from_the_start_on_count():
    case = Case("a", "g", np.zeros((12, 1)), TRUTH, SECONDS, 2.0, start=4)
    part = case.judged(SCORE, limit=3.5)
    np.testing.assert_array_equal(part.truth, TRUTH[4:])
    np.testing.assert_array_equal(part.flagged, [0, 0, 1, 0, 1, 0, 0, 0])
    assert part.time_s[0] == 8.0
