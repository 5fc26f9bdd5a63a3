"""C9: clocks are set. What arrives, under which names and in which order, does not depend on any of them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from cloud_sink.deliver import Deliverer
from cloud_sink.egress import EgressLedger
from cloud_sink.errors import TransientDeliveryError, TransientReason
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.settings import BatchSettings, DeliverySettings, Naming, OutboxSettings
from cloud_sink.slots import InlineSlot
from cloud_sink.targets.base import Receipt
from tests.faults.delivery.lives import alert, event
from tests.faults.delivery.test_full import summary

SETTINGS = OutboxSettings(disk_reserve=0)
HOUR = 3600 * 10**9
TODAY = 1_700_000_000 * 10**9
JUMPS = {
    "back 1 h": lambda now: now - HOUR,
    "forward 1 year": lambda now: now + 365 * 24 * HOUR,
    "to 1970": lambda _now: 10**9,
}


class Target:
    """Away for its first three attempts; then it takes everything, and knows when by a steady clock."""

    name = "scripted"

    def __init__(self, steady):
        self.steady = steady
        self.away = 3
        self.attempts: list[float] = []
        self.objects: dict[str, bytes] = {}

    def put(self, key, data):
        self.attempts.append(self.steady[0])
        if self.away:
            self.away -= 1
            raise TransientDeliveryError(TransientReason.TIMEOUT, "scripted")
        self.objects[key] = data
        return Receipt("sha")


def life(folder: Path, jump) -> Target:
    """Half of the records, a jump, the other half; delivered with another jump in between."""
    folder.mkdir()
    now, steady = [TODAY], [0.0]

    def clock() -> int:
        return now[0]

    def monotonic() -> float:
        return steady[0]

    target = Target(steady)
    settings = DeliverySettings()
    with (
        closing(OutboxWriter(folder, SETTINGS, clock, monotonic)) as writer,
        closing(OutboxReader(folder, SETTINGS, BatchSettings(rows=5), clock, monotonic)) as reader,
    ):
        slot = InlineSlot(target)
        naming = Naming("s", "g", "1")
        deliverer = Deliverer(
            reader.queues["target"], "scripted", slot, slot, EgressLedger(folder), naming, settings, clock, monotonic,
            lambda _low, high: high,
        )  # fmt: skip
        for half in (0, 20):
            writer.put([record for i in range(half, half + 20) for record in (alert(i), event(i), summary(i))])
            writer.snapshot_mark()
            writer.committed()
            now[0] = jump(now[0])
        for step in range(200):
            reader.maintain()
            steady[0] += max(deliverer.step(), 1e-3)
            if step == 5:
                now[0] = jump(now[0])
        assert deliverer.drain()
        assert sum(backlog.count for backlog in reader.stat().backlog.values()) == 0
        assert reader.stat().losses == {}
    return target


@pytest.mark.parametrize("how", JUMPS)
def test_c9_what_arrives_is_the_same_as_with_a_clock_that_goes_right(tmp_path, how, account):
    right = life(tmp_path / "right", lambda now: now)
    jumped = life(tmp_path / "jumped", JUMPS[how])
    assert list(jumped.objects) == list(right.objects)
    assert jumped.objects == right.objects
    assert jumped.attempts == right.attempts  # the waits between them too
    assert len(jumped.objects) > 10
    account(
        "C9", f"clock set: {how}", runs=1, lost=0, twice=0, recovery_s=None, told="the same objects, order and waits"
    )
