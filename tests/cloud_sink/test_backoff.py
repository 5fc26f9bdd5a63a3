from __future__ import annotations

import random
from datetime import timedelta

import pytest

from cloud_sink.backoff import Backoff
from cloud_sink.errors import TransientDeliveryError, TransientReason
from cloud_sink.records import Lane
from cloud_sink.settings import DeliverySettings

R = TransientReason


@pytest.fixture
def backoff(steady):
    return Backoff(DeliverySettings(backoff_cap=timedelta(minutes=5)), steady, lambda _low, high: high)


def delays(backoff, reason, count, **facts):
    found = []
    for _ in range(count):
        backoff.failed(Lane.ALERT, TransientDeliveryError(reason, "", **facts))
        found.append(backoff.delay())
    return found


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (R.SERVER_ERROR, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),
        (R.TIMEOUT, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),
        (R.UNREACHABLE, [1, 2, 4, 8, 15, 15, 15]),
        (R.DNS, [1, 2, 4, 8, 15, 15, 15]),
        (R.NO_LINK, [1, 1, 1, 1]),
    ],
)
def test_waits_double_up_to_a_cap_that_depends_on_what_a_try_costs(backoff, reason, expected):
    assert delays(backoff, reason, len(expected)) == pytest.approx(expected)


def test_a_thousand_failures_overflow_nothing(backoff):
    assert delays(backoff, R.SERVER_ERROR, 1100)[-1] == 300


def test_what_a_person_must_mend_is_tried_every_five_minutes(backoff):
    assert delays(backoff, R.CREDENTIALS, 3, hold=True) == [300, 300, 300]


@pytest.mark.parametrize(
    ("facts", "bounds"),
    [({}, (0.0, 1.0)), ({"hold": True}, (150.0, 300.0)), ({"retry_after": 40.0}, (40.0, 41.0))],
)
def test_jitter(steady, facts, bounds):
    drawn = []
    backoff = Backoff(DeliverySettings(), steady, lambda *found: drawn.append(found) or found[0])
    backoff.failed(Lane.ALERT, TransientDeliveryError(R.THROTTLED, "", **facts))
    assert drawn == [bounds]


def test_a_hundred_gateways_do_not_come_back_in_step(steady):
    chance = random.Random(1)
    found = []
    for _ in range(100):
        backoff = Backoff(DeliverySettings(), steady, chance.uniform)
        found += delays(backoff, R.SERVER_ERROR, 5)[-1:]
    assert max(found.count(value) for value in found) == 1
    assert max(found) - min(found) > 12


def test_a_lane_holds_up_itself_and_those_below(backoff, steady):
    backoff.failed(Lane.EVENT, TransientDeliveryError(R.SERVER_ERROR, ""))
    assert [backoff.waits(lane) for lane in Lane] == [False, True, True]
    steady.now += 1.0
    assert not any(backoff.waits(lane) for lane in Lane)


def test_what_worked_above_hurries_the_one_below_but_does_not_excuse_it(backoff, steady):
    for _ in range(4):
        backoff.failed(Lane.SUMMARY, TransientDeliveryError(R.SERVER_ERROR, ""))
    backoff.worked(Lane.ALERT)
    assert not backoff.waits(Lane.SUMMARY)
    backoff.failed(Lane.SUMMARY, TransientDeliveryError(R.SERVER_ERROR, ""))
    assert backoff.delay() == 16
    backoff.worked(Lane.SUMMARY)
    backoff.failed(Lane.SUMMARY, TransientDeliveryError(R.SERVER_ERROR, ""))
    assert backoff.delay() == 1


@pytest.mark.parametrize(
    ("reason", "facts", "waits"),
    [
        (R.NO_LINK, {}, 1),
        (R.UNREACHABLE, {}, 1),
        (R.TIMEOUT, {}, 1),
        (R.PORTAL, {}, 1),
        (R.SERVER_ERROR, {}, 300),
        (R.THROTTLED, {}, 300),
        (R.TIMEOUT, {"retry_after": 100.0}, 101),
        (R.TLS_EXPIRED, {"hold": True}, 300),
    ],
)
def test_an_alert_hurries_a_link_that_may_be_back_and_nothing_else(backoff, steady, reason, facts, waits):
    delays(backoff, reason, 20, **facts)
    backoff.hurry()
    assert backoff.delay() == waits
    assert backoff.waits(Lane.ALERT)
    steady.now += 1
    backoff.hurry()
    assert backoff.waits(Lane.ALERT) == (waits > 1)


def test_an_alert_does_not_hurry_bulk_that_fails_by_itself(backoff):
    for _ in range(9):
        backoff.failed(Lane.SUMMARY, TransientDeliveryError(R.CUT, ""))
    backoff.hurry()
    assert backoff.delay() == 256
