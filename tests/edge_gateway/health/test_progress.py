"""How a process notes that it gets on."""

from __future__ import annotations

from edge_gateway.progress import STALL_S, Moving, Past

SECOND = 10**9


class Clock:
    def __init__(self) -> None:
        self.now = 1000 * SECOND

    def __call__(self) -> int:
        return self.now


def test_a_number_stands_since_it_last_moved() -> None:
    clock = Clock()
    moving = Moving(7, clock)
    clock.now += 5 * SECOND
    moving.at(7)
    assert moving.since == 1000 * SECOND
    moving.at(8)
    assert (moving.value, moving.since) == (8, 1005 * SECOND)


def test_the_past_is_that_of_a_minute_ago_and_never_later() -> None:
    clock = Clock()
    past = Past(clock)
    told = []
    for second in range(200):
        told.append(past.at(second))  # the number is its own time
        clock.now += SECOND
    assert told[: int(STALL_S)] == [0] * int(STALL_S)
    assert told[int(STALL_S) :] == [second - STALL_S for second in range(int(STALL_S), 200)]


def test_the_past_of_a_process_that_slept_is_no_newer_than_a_minute() -> None:
    clock = Clock()
    past = Past(clock)
    past.at(1)
    clock.now += 600 * SECOND
    assert past.at(2) == 1


def test_its_memory_is_a_minute() -> None:
    clock = Clock()
    past = Past(clock)
    for number in range(10_000):
        past.at(number)
        clock.now += SECOND // 4
    assert len(past._kept) <= STALL_S + 1
