"""A write that hangs holds up nobody, and a mistake of ours is not swallowed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from cloud_sink.errors import OutboxFull
from cloud_sink.influx.pump import InfluxPump


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Sender:
    """Takes steps as told; each may be waited for."""

    def __init__(self, act: Callable[[], float]) -> None:
        self.act = act
        self.steps = 0
        self.ended = threading.Semaphore(0)

    def step(self) -> float:
        self.steps += 1
        try:
            return self.act()
        finally:
            self.ended.release()

    def wait(self, pump: InfluxPump) -> None:
        assert self.ended.acquire(timeout=5)
        pump._thread.join(5)


def test_steps_follow_one_another_as_long_as_the_sender_says() -> None:
    clock, sender = Clock(), Sender(lambda: 10.0)
    pump = InfluxPump(sender, clock)
    pump.look()
    sender.wait(pump)
    pump.look()
    clock.now = 9.0
    pump.look()
    assert sender.steps == 1
    clock.now = 11.0
    pump.look()
    sender.wait(pump)
    assert sender.steps == 2
    assert pump.close()


def test_a_step_that_hangs_is_looked_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud_sink.influx.pump._LAST_WAIT_S", 0.01)
    free = threading.Event()
    sender = Sender(lambda: float(free.wait(5)))
    pump = InfluxPump(sender, Clock())
    for _ in range(3):
        pump.look()
    assert sender.steps == 1
    assert not pump.close()
    free.set()
    sender.wait(pump)
    assert pump.close()


def test_a_full_disk_is_waited_out(tmp_path) -> None:
    def full() -> float:
        raise OutboxFull(tmp_path, "disk full")

    clock, sender = Clock(), Sender(full)
    pump = InfluxPump(sender, clock)
    pump.look()
    sender.wait(pump)
    pump.look()
    assert sender.steps == 1
    clock.now = 61.0
    pump.look()
    sender.wait(pump)
    assert sender.steps == 2


def test_a_mistake_is_raised_where_it_is_seen() -> None:
    def wrong() -> float:
        raise KeyError("oh")

    sender = Sender(wrong)
    pump = InfluxPump(sender, Clock())
    pump.look()
    sender.wait(pump)
    with pytest.raises(KeyError):
        pump.look()
