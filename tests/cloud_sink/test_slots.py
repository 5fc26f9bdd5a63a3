from __future__ import annotations

import threading

import pytest
from structlog.testing import capture_logs

from cloud_sink.errors import TransientDeliveryError, TransientReason
from cloud_sink.objects import CloudObject
from cloud_sink.records import Lane
from cloud_sink.slots import InlineSlot, ThreadSlot
from cloud_sink.targets.base import Receipt

SENT = CloudObject(Lane.SUMMARY, "k", b"12345", 1)


class Target:
    name = "scripted"

    def __init__(self, answer=None):
        self.answer = answer
        self.go = threading.Event()
        self.thread = None

    def put(self, key, data):
        self.thread = threading.current_thread()
        self.go.wait(10)
        if self.answer is not None:
            raise self.answer
        return Receipt("sha")


def test_inline():
    target = Target()
    target.go.set()
    slot = InlineSlot(target)
    assert slot.outcome() is None
    slot.start(SENT)
    assert target.thread is threading.current_thread()
    assert slot.outcome() == Receipt("sha")
    assert slot.outcome() is None


def test_beside():
    target, rung = Target(), threading.Event()
    slot = ThreadSlot(target, rung.set)
    assert slot.outcome() is None
    slot.start(SENT)
    assert slot.outcome() is None
    assert not rung.is_set()
    target.go.set()
    assert rung.wait(10)
    assert slot.outcome(10) == Receipt("sha")
    assert slot.outcome() is None
    slot.start(SENT)
    assert slot.outcome(None) == Receipt("sha")


def test_a_failure_is_an_outcome():
    error = TransientDeliveryError(TransientReason.CUT, "scripted")
    target = Target(error)
    target.go.set()
    slot = ThreadSlot(target, lambda: None)
    slot.start(SENT)
    assert slot.outcome(None) is error


@pytest.mark.parametrize("make_slot", [InlineSlot, lambda target: ThreadSlot(target, lambda: None)])
def test_a_bug_is_a_failure_of_its_target_alone(make_slot):
    target = Target(KeyError("with a secret"))
    target.go.set()
    with capture_logs() as logs:
        slot = make_slot(target)
        slot.start(SENT)
        outcome = slot.outcome(None)
    assert (outcome.reason, outcome.hold) == ("internal", True)
    (told,) = logs
    assert (told["event"], told["error"]) == ("upload_failed_by_a_bug", "KeyError")
    assert told["where"][-1].startswith("test_slots.py:")
    assert told["where"][-1] in str(outcome)
    assert "secret" not in str(logs) + str(outcome)


def test_only_one_at_a_time():
    target = Target()
    slot = ThreadSlot(target, lambda: None)
    slot.start(SENT)
    with pytest.raises(AssertionError):
        slot.start(SENT)
    target.go.set()
    slot.outcome(None)
