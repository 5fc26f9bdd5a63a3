from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.evaluate.repeats import without_repeats


@given(st.lists(st.integers(0, 4), max_size=25), st.integers(1, 6))
def test_what_is_told_is_worse_than_all_that_was_told_of_late(values, rows):
    score = np.array(values, dtype=float)
    told = without_repeats(score, rows)
    for at, value in enumerate(score):
        lately = told[max(0, at - rows) : at].max(initial=0.0)
        assert told[at] == (value if value > lately else 0.0)


def test_holes_are_not_told():
    assert without_repeats(np.array([np.nan, 1.0, np.nan, 1.0]), 2).tolist() == [0.0, 1.0, 0.0, 0.0]
