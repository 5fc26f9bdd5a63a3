from __future__ import annotations

import pytest

from cloud_sink.histogram import Histogram


def test_a_histogram_counts_up_to_each_bound() -> None:
    one = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.11, 5.0):
        one.add(seconds)
    facts = one.facts()
    assert (facts["bounds"], facts["upto"]) == ([0.1, 1.0], [2, 3, 4])
    assert facts["sum"] == pytest.approx(5.26)
