from __future__ import annotations

import numpy as np
import pytest

from models.evaluate.pointwise import Counts, counts

TRUTH = np.array([0, 0, 0, 1, 1, 1, 1, 0], dtype=bool)
SAID = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)


def test_a_case_counted_by_hand():
    got = counts(TRUTH, SAID)
    assert got == Counts(tp=3, fp=1, fn=1, tn=3)
    assert (got.f1, got.far, got.mar) == (0.75, 0.25, 0.25)


def test_files_are_pooled_by_adding_their_counts():
    assert counts(TRUTH[:3], SAID[:3]) + counts(TRUTH[3:], SAID[3:]) == counts(TRUTH, SAID)


def test_always_on_misses_nothing_and_alarms_on_everything():
    got = counts(TRUTH, np.ones(8, dtype=bool))
    assert (got.f1, got.far, got.mar) == (pytest.approx(2 / 3), 1.0, 0.0)


def test_nothing_judged_is_no_error():
    assert (Counts().f1, Counts().far, Counts().mar) == (0.0, 0.0, 0.0)


def test_a_verdict_too_many_is_refused():
    with pytest.raises(ValueError, match="one of each per row"):
        counts(TRUTH, SAID[1:])
