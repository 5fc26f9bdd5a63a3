from __future__ import annotations

import numpy as np

from models.evaluate.baselines import always_on, clock, metronome, outside_range, random_scores


def test_the_blind_ones_look_at_nothing_but_the_number_of_rows():
    assert always_on(3).tolist() == [True] * 3
    assert clock(6, 2, 1).tolist() == [False, False, True, True, True, False]
    assert not clock(4, 3, 3).any()
    assert np.flatnonzero(metronome(10, 4, phase=1)).tolist() == [1, 5, 9]
    assert random_scores(4, np.random.default_rng(1)).tolist() == random_scores(4, np.random.default_rng(1)).tolist()


def test_outside_range_counts_ranges_beyond_the_training_rows():
    training = np.array([[0.0, 5.0], [10.0, 5.0]])
    rows = np.array([[5.0, 5.0], [15.0, 5.0], [-10.0, 5.0], [5.0, 8.0]])
    assert outside_range(training, rows).tolist() == [0.0, 0.5, 1.0, 3.0]
