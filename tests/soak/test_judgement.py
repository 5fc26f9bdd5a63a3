"""A soak that cannot fail proves nothing: growth is found, and so is whatever does not add up."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import numpy as np
import pytest

from tests.soak.books import Books, _compare
from tests.soak.gauges import WARM_S, Gauges, Look


def gauges(*lives: tuple[float, float]) -> Gauges:
    """Lives of 100 s, each with a level and a growth a second, and noise of 1."""
    made, noise = Gauges(), np.random.default_rng(1)
    for number, (level, growth) in enumerate(lives):
        for age in range(100):
            value = level + growth * age + noise.normal()
            made.looks["flow"].append(Look(number, float(age), {"memory MB": value}))
    return made


def test_growth_is_found_over_several_lives():
    slope = gauges((100, 0.1), (50, 0.1)).slope("flow", "memory MB")
    assert slope is not None
    assert slope.per_hour == pytest.approx(360, rel=0.1)
    assert 0 < slope.error < 20


def test_another_level_is_no_growth():
    slope = gauges((50, 0), (100, 0), (150, 0)).slope("flow", "memory MB")
    assert slope is not None
    assert abs(slope.per_hour) < 3 * slope.error


def test_what_warms_up_is_no_growth():
    made = gauges((50, 0))
    warm = [
        Look(0, look.age, {"memory MB": look.gauges["memory MB"] - max(0, WARM_S - look.age)})
        for look in made.looks["flow"]
    ]
    made.looks["flow"] = warm
    slope = made.slope("flow", "memory MB")
    assert slope is not None
    assert abs(slope.per_hour) < 3 * slope.error


def lines(*records: dict[str, object]) -> bytes:
    return gzip.compress(b"\n".join(json.dumps(record).encode() for record in records))


GAP = {"key": "event/1", "asset": "pump-1", "kind": "gap", "start": 1, "end": 2}


def compared(*objects: bytes, expected=None, gaps=(), late=None) -> list[str]:
    books = Books()
    named = {f"{number}.jsonl.gz": data for number, data in enumerate(objects)}
    _compare(books, "folder", named, expected or {}, set(gaps), Counter(late))
    return books.wrong


def test_what_adds_up_is_right():
    assert compared(lines(GAP), gaps=[("pump-1", 1, 2)]) == []


def test_a_record_that_is_there_twice_is_found():
    assert "1 records are there twice" in compared(lines(GAP), lines(GAP))[0]


def test_a_gap_that_was_not_told_is_found():
    assert "1 gaps were not told" in compared(lines(GAP), gaps=[("pump-1", 1, 2), ("pump-1", 3, 4)])[0]


@pytest.mark.parametrize("late", [{}, {"pump-1": 7}, {"pump-1": 8, "pump-2": 1}])
def test_late_samples_that_were_not_told_are_found(late):
    told = lines({"key": "event/2", "asset": "pump-1", "kind": "late", "start": 1, "end": 2, "count": 8})
    assert compared(told, late={"pump-1": 8}) == []
    assert "are in the books" in compared(told, late=late)[0]


def test_a_window_that_is_missing_is_found():
    assert "1 windows missing" in compared(expected={("pump-1", 5): {"flow": 3}})[0]
