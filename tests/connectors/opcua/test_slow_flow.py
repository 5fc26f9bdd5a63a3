"""A19: whoever takes the samples is slower than the server for an hour. The hour passes in virtual time."""

from __future__ import annotations

import gc
import tracemalloc
from types import ModuleType

import numpy as np
import pytest

from connectors.intake import Intake, IntakeSettings
from connectors.opcua.columns import Shape, Values
from connectors.opcua.driver import OpcUaDriver
from connectors.opcua.layout import EPOCH_TICKS
from connectors.samples import Notice, NoticeKind, Origin, SampleBatch

T0 = 1_700_000_000 * 10**9
SECOND = 10**9
VALUES, CAPACITY = 100, 10_000  # in a message, one a second; that may wait
TAKEN_EVERY_S = 250  # in that time 25,000 values come


def _message(at: int) -> Values:
    """Values of two tags in turn, a millisecond apart."""
    ticks = at // 100 + EPOCH_TICKS + np.arange(VALUES, dtype=np.int64) * 10_000
    number = np.full(VALUES, Shape.NUMBER, dtype=np.uint8)
    handle = np.arange(VALUES, dtype=np.uint32) % 2
    return Values(handle, ticks * 1.0, np.zeros(VALUES, dtype=np.uint32), ticks, ticks, number)


def _kilobytes() -> float:
    gc.collect()
    return tracemalloc.get_traced_memory()[0] / 1000


@pytest.mark.slow
def test_a19_a_flow_that_is_too_slow_for_an_hour_costs_no_memory_and_every_drop_is_stated(rig: ModuleType) -> None:
    """What does not fit is let go of block by block; what waits is kept, and the server is never held up."""
    now = T0
    driver = OpcUaDriver(rig.make_settings(1, tags=("tick", "setpoint")), (rig.TABLE,), now=lambda: now)
    intake = Intake([driver], IntakeSettings(capacity=CAPACITY), {}, clock=lambda: now / SECOND)
    driver._emit = intake.emit
    drops: list[Notice] = []
    stored = 0

    def store() -> int:
        items = intake.hopper.take(0)
        drops.extend(item for item in items if isinstance(item, Notice) and item.kind is NoticeKind.DROPPED)
        return sum(len(item) for item in items if isinstance(item, SampleBatch))

    kilobytes: list[float] = []
    tracemalloc.start()
    try:
        for second in range(1, 3601):
            now += SECOND
            driver.received([_message(now)], Origin.LIVE)
            intake.tick()
            assert intake.hopper.queued <= CAPACITY
            if second % TAKEN_EVERY_S == 0:
                kilobytes.append(_kilobytes())
                stored += store()
    finally:
        tracemalloc.stop()
    stored += store()

    assert driver.counters()["samples"] == intake.received == 3600 * VALUES
    assert intake.received == stored + intake.hopper.dropped
    assert intake.hopper.dropped == sum(drop.count for drop in drops) > 200_000
    assert {(drop.asset, drop.reason) for drop in drops} == {("pump", "queue_full")}
    assert all(drop.end - drop.start >= 99 * SECOND for drop in drops)  # the hole has its place in event time
    assert max(kilobytes[1:]) < kilobytes[0] + 50, kilobytes
