from __future__ import annotations

import pytest

from cloud_sink.uplink.pace import Pace


class Time:
    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


@pytest.mark.parametrize("size", [10, 300, 4000])
def test_the_rate_is_kept_whatever_the_size(size):
    time = Time()
    pace = Pace(1000, time.sleep, lambda: time.now)
    for _ in range(50_000 // size):
        pace.take(size)
    assert time.now == pytest.approx(50_000 // size * size / 1000, abs=size / 1000 + 0.3)


def test_a_rest_saves_up_a_quarter_of_a_second_and_no_more():
    time = Time()
    pace = Pace(1000, time.sleep, lambda: time.now)
    time.now = 3600.0
    pace.take(251)
    assert time.now == 3600.0
    pace.take(1)
    assert time.now > 3600.0


def test_who_shares_it_shares_the_rate():
    """Two uploads at once: each take waits for what both have taken before."""
    now, waits = [0.0], []
    pace = Pace(1000, waits.append, lambda: now[0])
    for _ in range(10):
        pace.take(500)
    assert waits[-1] == pytest.approx((9 * 500 - 250) / 1000)
