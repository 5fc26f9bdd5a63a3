from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pytest

from models.errors import SwapRefused
from models.handle import ScorerHandle
from models.scores import Scores


@dataclass
class Constant:
    """Scores every row with its own number."""

    value: float
    tags: tuple[str, ...] = ("flow",)
    features: tuple[str, ...] = ("mean",)
    min_coverage: float = 0.5
    state: tuple = ()
    warm_up: int = 0

    @property
    def model(self):
        return f"constant@{self.value:g}"

    def score(self, rows, state=()):
        n = len(rows)
        return Scores(np.full(n, self.value), np.ones((n, 1)), self.tags, self.model)


def test_it_answers_with_the_model_it_holds():
    first, second = Constant(1.0), Constant(2.0, min_coverage=0.9)
    handle = ScorerHandle(first)
    assert (handle.tags, handle.features, handle.min_coverage) == (("flow",), ("mean",), 0.5)
    assert handle.score(np.zeros((1, 1, 1))).model == "constant@1"
    assert handle.swap(second) is first
    assert handle.current is second
    assert handle.min_coverage == 0.9
    assert handle.score(np.zeros((1, 1, 1))).model == "constant@2"


@pytest.mark.parametrize("change", [{"tags": ("other",)}, {"features": ("std",)}])
def test_a_model_that_wants_other_rows_does_not_get_in(change):
    running = Constant(1.0)
    handle = ScorerHandle(running)
    with pytest.raises(SwapRefused, match="must be the same and in the same order"):
        handle.swap(Constant(2.0, **change))
    assert handle.current is running


def test_every_answer_comes_from_one_whole_model():
    handle = ScorerHandle(Constant(0.0))
    done = threading.Event()

    def swap():
        for value in range(1, 500):
            handle.swap(Constant(float(value)))
        done.set()

    thread = threading.Thread(target=swap)
    thread.start()
    last = 0.0
    while not done.is_set():
        scores = handle.score(np.zeros((3, 1, 1)))
        assert scores.model == f"constant@{scores.score[0]:g}"
        assert scores.score[0] >= last
        last = float(scores.score[0])
    thread.join()
