"""The ring forgets the oldest, and says so; it forgets nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_sink.influx import ring as ring_module
from cloud_sink.influx.ring import Ring


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Iterator[object]:
    opened: list[Ring] = []

    def open_(**options: int) -> Ring:
        opened.append(Ring(tmp_path / "influx.db", monotonic=clock, **options))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


def all_lines(ring: Ring) -> list[str]:
    out: list[str] = []
    while chunk := ring.take():
        out += chunk.text()
        ring.done(chunk)
    return out


def test_lines_come_back_in_order_also_after_a_restart(make) -> None:
    ring = make()
    ring.put(["a", "b"])
    ring.put(["é"])
    ring.close()
    again = make()
    assert again.lines == 3
    assert again.take() == again.take()
    assert all_lines(again) == ["a", "b", "é"]
    assert again.take() is None


def test_many_lines_are_several_rows(make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_module, "MAX_LINES", 2)
    ring = make()
    ring.put([*"abcde"])
    assert ring.take().lines == 2
    assert all_lines(ring) == [*"abcde"]


def test_the_oldest_go_where_there_is_no_room_and_are_counted(make) -> None:
    one = make()
    one.put(["x" * 50])
    size = one.size
    one.done(one.take())
    ring = make(max_bytes=3 * size)
    for letter in "abcde":
        ring.put([letter * 50])
    assert all_lines(ring) == ["c" * 50, "d" * 50, "e" * 50]
    assert ring.dropped == {"quota": 2}


def test_age_is_time_of_running(make, clock: Clock, tmp_path: Path) -> None:
    ring = make(max_age_s=100)
    ring.put(["old"])
    clock.now += 60
    ring.put(["newer"])
    ring.close()
    clock.now += 1_000_000  # standing still
    again = make(max_age_s=100)
    again.put(["newest"])
    assert not again.dropped
    clock.now += 41
    again.put([])
    assert again.dropped == {"age": 1}
    assert all_lines(again) == ["newer", "newest"]


def test_a_damaged_row_says_so(make) -> None:
    ring = make()
    ring.put(["a"])
    chunk = ring.take()
    broken = type(chunk)(chunk.seq, chunk.lines, chunk.body[:-9] + b"\0" * 9)
    with pytest.raises(ValueError, match="damaged"):
        broken.text()
