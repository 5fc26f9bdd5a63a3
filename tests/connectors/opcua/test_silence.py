"""A13: a tag that should speak and does not is told once, in time; one that reports by exception is left alone."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from types import ModuleType

import numpy as np

from connectors import status
from connectors.opcua.driver import OpcUaDriver
from connectors.opcua.silence import Silence
from connectors.samples import Item, Notice, NoticeKind, SampleBatch

POLLED, BEATING, QUIET, BOTH = range(4)
NAMES = ("tick", "bad", "setpoint", "text")


def _settings(rig: ModuleType) -> object:
    settings = rig.make_settings(1, tags=NAMES)
    tags = list(settings.tags)
    tags[POLLED] = dataclasses.replace(tags[POLLED], poll_interval=timedelta(seconds=1))
    tags[BEATING] = dataclasses.replace(tags[BEATING], heartbeat=timedelta(seconds=5))
    tags[BOTH] = dataclasses.replace(tags[BOTH], poll_interval=timedelta(seconds=1), heartbeat=timedelta(seconds=2))
    return dataclasses.replace(settings, tags=tuple(tags))


def _handles(*handles: int) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return np.array(handles, dtype=np.uint32)


def test_every_tag_has_its_own_time_and_is_told_once(rig: ModuleType) -> None:
    silence = Silence(_settings(rig))  # type: ignore[arg-type]
    assert silence.shortest_s == 2.0
    assert silence.overdue(1000.0) == []  # no link: told for all tags together
    silence.opened(1000.0)
    assert silence.overdue(1002.0) == []
    assert silence.overdue(1002.5) == [BOTH]
    silence.heard(_handles(POLLED, 99), 1002.9)
    assert silence.overdue(1003.5) == []
    assert silence.overdue(1005.95) == [POLLED, BEATING]
    assert silence.overdue(5000.0) == []
    silence.heard(_handles(BEATING), 5000.0)
    assert silence.overdue(5006.0) == [BEATING]
    silence.closed()
    assert silence.overdue(9000.0) == []


def test_without_polls_and_heartbeats_nothing_is_watched(rig: ModuleType) -> None:
    assert Silence(rig.make_settings(1)).shortest_s is None
    assert Silence(rig.make_settings(1, tags=())).shortest_s is None


def test_a_silent_tag_is_a_bad_sample_and_a_notice(rig: ModuleType) -> None:
    items: list[Item] = []
    driver = OpcUaDriver(_settings(rig), (rig.TABLE,), now=lambda: 77)  # type: ignore[arg-type]
    driver._emit = items.append
    driver._silence.opened(0.0)
    driver._tell_silence(1.0)
    assert items == []
    driver._tell_silence(2.5)
    block, notice = items
    assert isinstance(block, SampleBatch)
    assert (block.tag.tolist(), block.status.tolist()) == ([rig.TABLE.index("text")], [status.BAD_NO_COMMUNICATION])
    assert isinstance(notice, Notice)
    assert (notice.kind, notice.asset, notice.reason) == (NoticeKind.SILENT, "pump", "no_value")
    assert "1 tag (text)" in notice.detail
    assert "heartbeat" in notice.detail
    driver._tell_silence(2.6)
    assert len(items) == 2
