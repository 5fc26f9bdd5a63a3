"""What the driver makes of a link's events: marks, gaps, fronts of event time. No server."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import ModuleType

import numpy as np
import pytest

from connectors import status
from connectors.errors import EndpointUnreachable, LinkDown, UserRejected
from connectors.opcua.columns import Shape, Values
from connectors.opcua.driver import OpcUaDriver
from connectors.opcua.layout import EPOCH_TICKS
from connectors.opcua.link import Link
from connectors.samples import Item, Notice, NoticeKind, Origin, SampleBatch

SECOND = 10**9
T0 = 1_700_000_000 * SECOND
TICK, SETPOINT = 0, 1


def _values(handle: int, value: float, time: int) -> list[Values]:
    ticks = np.array([time // 100 + EPOCH_TICKS])
    return [
        Values(
            np.array([handle], dtype=np.uint32),
            np.array([value], dtype=np.float64),
            np.zeros(1, dtype=np.uint32),
            ticks,
            ticks,
            np.array([Shape.NUMBER], dtype=np.uint8),
        )
    ]


@pytest.fixture
def items() -> list[Item]:
    return []


@pytest.fixture
def driver(rig: ModuleType, items: list[Item]) -> OpcUaDriver:
    made = OpcUaDriver(rig.make_settings(1, tags=("tick", "setpoint")), (rig.TABLE,), now=lambda: T0)
    made._emit = items.append
    return made


def _marks(items: list[Item]) -> list[tuple[int, int]]:
    return [
        (int(time), int(code))
        for item in items
        if isinstance(item, SampleBatch)
        for time, code in zip(item.source_time, item.status, strict=True)
        if code == status.BAD_NO_COMMUNICATION
    ]


def test_a_new_subscription_marks_every_tag_and_the_next_newer_sample_ends_the_gap(
    driver: OpcUaDriver, items: list[Item]
) -> None:
    driver.anew(None)
    assert items == []  # nothing was known, so nothing is missing
    driver._opened(resumed=False)
    driver.received(_values(TICK, 1, T0), Origin.LIVE)
    driver.anew(None)
    assert _marks(items) == [(T0 + 1, status.BAD_NO_COMMUNICATION)] * 2
    driver.received(_values(SETPOINT, 42, T0 - SECOND), Origin.LIVE)  # unchanged since before the hole
    assert not isinstance(items[-2], Notice)
    driver.received(_values(TICK, 9, T0 + 5 * SECOND), Origin.LIVE)
    assert items[-2] == Notice(NoticeKind.GAP, "pump", "link_down", T0, T0 + 5 * SECOND, source="plant")
    assert sum(isinstance(item, Notice) for item in items) == 1


def test_lost_messages_are_a_gap_of_their_own_reason(driver: OpcUaDriver, items: list[Item]) -> None:
    driver.received(_values(TICK, 1, T0), Origin.LIVE)
    driver.missed([0])
    driver.received(_values(TICK, 2, T0 + SECOND), Origin.LIVE)
    assert [item.reason for item in items if isinstance(item, Notice)] == ["sequence_gap"]
    assert _marks(items) == []


def test_one_wild_timestamp_does_not_hold_the_front_of_event_time(driver: OpcUaDriver, items: list[Item]) -> None:
    driver.received(_values(TICK, 1, T0 + 365 * 86_400 * SECOND), Origin.LIVE)
    driver.received(_values(TICK, 2, T0), Origin.LIVE)
    driver.missed([0])
    driver.received(_values(TICK, 3, T0 + SECOND), Origin.LIVE)
    (gap,) = [item for item in items if isinstance(item, Notice)]
    assert (gap.start, gap.end) == (T0, T0 + SECOND)


def test_refused_items_are_told_at_the_servers_time(driver: OpcUaDriver, items: list[Item]) -> None:
    driver.refused({SETPOINT: 0x80340000}, T0 - 7 * SECOND)
    (block,) = items
    assert isinstance(block, SampleBatch)
    assert (block.tag.tolist(), block.status.tolist(), block.source_time.tolist()) == (
        [4],
        [0x80340000],
        [T0 - 7 * SECOND],
    )
    assert np.isnan(block.value).all()


def test_only_tags_that_stayed_silent_since_they_were_marked_are_read(driver: OpcUaDriver) -> None:
    assert driver.settled() == []
    driver.received(_values(TICK, 1, T0), Origin.LIVE)
    driver._mark_lost()
    assert driver.settled() == [TICK, SETPOINT]
    driver.received(_values(TICK, 2, T0 + SECOND), Origin.REPLAYED)
    assert driver.settled() == [SETPOINT]


def test_marks_wait_as_long_as_the_server_keeps_the_values(driver: OpcUaDriver, items: list[Item]) -> None:
    async def scenario() -> None:
        link = Link(driver._settings, driver, driver._counters)
        link.was_open = True
        driver.received(_values(TICK, 1, T0), Origin.LIVE)
        driver._ended(link, LinkDown("x", "cut"))
        assert driver._marks_due is not None
        left = driver._marks_due.when() - asyncio.get_running_loop().time()
        assert 29 < left <= 30
        driver._opened(resumed=True)
        assert driver._marks_due is None
        driver._ended(link, LinkDown("x", "expired", resumable=False))
        assert len(_marks(items)) == 2

    asyncio.run(scenario())


def test_a_farewell_that_fails_does_not_end_the_driver(
    driver: OpcUaDriver, items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library raises bare exceptions on what a server sends, on closing as well."""

    async def broken(_link: Link, *_held: object, **_keep: object) -> bool:
        raise AttributeError("'NoneType' object has no attribute 'send_request'")

    monkeypatch.setattr(Link, "open", broken)
    monkeypatch.setattr(Link, "close", broken)
    error = asyncio.run(driver._attempt(Link(driver._settings, driver, driver._counters), None))
    assert isinstance(error, LinkDown)
    assert not error.resumable
    assert driver.counters()["errors"] == 1


@pytest.mark.parametrize(("error", "kept"), [(LinkDown("x", "cut"), True), (LinkDown("x", "", resumable=False), False)])
def test_a_session_is_left_open_only_if_it_can_be_resumed(
    driver: OpcUaDriver, monkeypatch: pytest.MonkeyPatch, error: LinkDown, kept: bool
) -> None:
    closed: list[bool] = []

    async def opened(link: Link, _held: object) -> bool:
        link.was_open = True
        return False

    async def run(_link: Link) -> None:
        raise error

    async def close(_link: Link, *, keep_session: bool) -> None:
        closed.append(keep_session)

    for name, method in (("open", opened), ("run", run), ("close", close)):
        monkeypatch.setattr(Link, name, method)
    assert asyncio.run(driver._attempt(Link(driver._settings, driver, driver._counters), None)) is error
    assert closed == [kept]


def test_wrong_passwords_are_tried_once_a_minute_and_dead_links_at_once(driver: OpcUaDriver) -> None:
    assert driver._retries.pause(UserRejected("x", "u", "BadUserAccessDenied")) >= 48  # 60 s less the jitter
    assert driver._retries.pause(EndpointUnreachable("x", "refused")) <= 0.06


def test_a_tag_without_a_table_is_refused_at_once(rig: ModuleType) -> None:
    with pytest.raises(ValueError, match="no asset 'pump'"):
        OpcUaDriver(rig.make_settings(1), (), retry_refused=timedelta(seconds=1))
