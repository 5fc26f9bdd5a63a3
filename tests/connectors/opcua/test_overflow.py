"""A7: overflows are told with the setting to change, and not a thousand times."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from types import ModuleType

import numpy as np

from connectors.opcua.overflow import Overflows
from connectors.opcua.settings import OpcUaTag
from connectors.samples import NoticeKind

MINUTE = 60 * 10**9


def test_overflows_are_told_once_in_ten_minutes_with_what_to_set(rig: ModuleType) -> None:
    tags = tuple(
        OpcUaTag(asset, tag, "nsu=urn:x;s=n", timedelta(milliseconds=20), 7)
        for asset, tag in (("pump", "flow"), ("pump", "head"), ("tank", "level"))
    )
    counts = np.zeros(3, dtype=np.int64)
    overflows = Overflows(dataclasses.replace(rig.make_settings(1), tags=tags), counts)
    assert list(overflows.notices(0, {})) == []
    counts[:2] = (3, 1)
    (notice,) = overflows.notices(MINUTE, {"pump": 77})
    assert (notice.kind, notice.asset, notice.reason, notice.start, notice.end) == (
        NoticeKind.OVERFLOW,
        "pump",
        "server_queue",
        77,
        77,
    )
    for told in (
        "flow, head",
        "queue_size (now 7)",
        "sampling_interval (now 20 ms)",
        "publishing_interval (now 100 ms)",
    ):
        assert told in notice.detail
    counts += 1
    assert [one.asset for one in overflows.notices(2 * MINUTE, {})] == ["tank"]
    assert [one.asset for one in overflows.notices(11 * MINUTE, {})] == ["pump"]
    assert overflows.by_tag() == {"pump/flow": 4, "pump/head": 2, "tank/level": 1}
