from __future__ import annotations

import time
from datetime import timedelta

import numpy as np
import pytest
from models_slow import slow_bundle, slower

from models.bundle import MODEL
from models.errors import BundleRejected, ScoringFailed
from models.onnx_scorer import OnnxScorer
from models.watchdog import Watchdog

BUNDLE = slow_bundle()
FEW, MANY = np.full((3, 1, 1), 0.5), np.full((1500, 1, 1), 0.5)


class Clock:
    """Stands until it is moved."""

    now = 0.0

    def __call__(self):
        return self.now


def test_a_watchdog_ends_what_is_overdue_and_nothing_else():
    clock, ended = Clock(), []
    watchdog = Watchdog(tick_s=3600, clock=clock)
    watchdog.watch(1.0, lambda: ended.append("first"))
    clock.now = 1.0
    watchdog.look()
    assert ended == []
    clock.now = 1.1
    watchdog.look()
    watchdog.look()
    assert ended == ["first"]
    watchdog.watch(1.0, lambda: ended.append("second"))
    watchdog.release()
    clock.now = 9.0
    watchdog.look()
    assert ended == ["first"]


def test_its_thread_ends_with_it():
    watchdog = Watchdog(tick_s=0.001)
    watchdog.watch(60, lambda: None)
    thread = watchdog._thread
    assert thread is not None
    assert thread.is_alive()
    del watchdog
    thread.join(10)
    assert not thread.is_alive()


def test_a_call_that_takes_too_long_is_ended_at_the_next_node():
    unwatched = OnnxScorer(BUNDLE)
    began = time.monotonic()
    unwatched.score(MANY)
    whole = time.monotonic() - began
    scorer = OnnxScorer(BUNDLE, time_budget=timedelta(seconds=whole / 10), watchdog=Watchdog(tick_s=whole / 100))
    began = time.monotonic()
    with pytest.raises(ScoringFailed, match=r"slow@1: a call took \d+ ms and may take \d+ ms") as failure:
        scorer.score(MANY)
    assert failure.value.trouble == "slow"
    assert time.monotonic() - began < whole / 2
    assert scorer.score(FEW).score.tolist() == [0.5] * 3  # the next call is as good as ever


def test_without_a_watchdog_a_call_that_took_too_long_is_found_out_afterwards():
    scorer = OnnxScorer(BUNDLE, time_budget=timedelta(seconds=0.05))
    scorer._budget_s = 1e-6
    with pytest.raises(ScoringFailed, match="took"):
        scorer.score(FEW)


def test_a_call_within_its_budget_is_left_alone():
    scorer = OnnxScorer(BUNDLE, time_budget=timedelta(seconds=30), watchdog=Watchdog(tick_s=0.001))
    assert scorer.score(FEW).score.tolist() == [0.5] * 3


def test_a_model_that_is_too_slow_for_its_golden_rows_is_refused():
    with pytest.raises(BundleRejected, match="its golden rows get no scores: a call took"):
        OnnxScorer(slower(BUNDLE), time_budget=timedelta(seconds=0.02), watchdog=Watchdog(tick_s=0.005))


def test_what_the_engine_says_when_it_fails_is_told():
    scorer = OnnxScorer(BUNDLE)
    scorer._inputs = ["nonsense"]
    with pytest.raises(ScoringFailed, match=r"slow@1: ONNX Runtime failed") as failure:
        scorer.score(FEW)
    assert failure.value.trouble == "failed"
    assert MODEL not in str(failure.value)
