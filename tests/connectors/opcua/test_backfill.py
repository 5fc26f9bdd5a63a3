"""Which values are missing around a hole, and how they are read. The server is made of lists; no socket."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from connectors.errors import LinkDown, MalformedMessage, RequestRefused
from connectors.opcua import codes, wire
from connectors.opcua.address import NodeAddress
from connectors.opcua.backfill import Backfill
from connectors.opcua.columns import Values
from connectors.opcua.history import event_times
from connectors.opcua.holes import MOST_HOLES, SETTLE_S, Holes
from connectors.opcua.seam import history
from connectors.opcua.terms import HistoryRequest, Node, ServerFacts
from connectors.samples import Notice, NoticeKind, SampleBatch

S = 10**9
T0 = 1_700_000_000 * S
NAMES = ("tick", "setpoint", "text")
FACTS = ServerFacts(("ua",), None, 0, 0, max_history=2)
NODES: dict[int, Node] = {handle: NodeAddress("ua", "s", name) for handle, name in enumerate(NAMES)}


def _time(ns: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + timedelta(microseconds=ns // 1000)


def _value(number: float, second: float, code: int = 0) -> Any:
    time = _time(T0 + round(second * S))
    return ua.DataValue(ua.Variant(number, ua.VariantType.Double), ua.StatusCode(code), time, time)


class Server:
    """Keeps a value a second of every node. Manners: points, forgets_points, no_points, slow, mute."""

    def __init__(self, manner: str = "points", seconds: int = 100, refused: Mapping[str, int] | None = None) -> None:
        self.manner = manner
        self.refused = dict(refused or {})
        self.without: set[str] = set()
        self.values = {name: [_value(100 * i + s, s) for s in range(seconds)] for i, name in enumerate(NAMES)}
        self.asked: list[HistoryRequest] = []
        self.released: list[bytes] = []
        self.attributes_asked = 0
        self.failures = 0

    async def have_history(self, nodes: Sequence[Node], namespaces: Sequence[str]) -> list[bool]:
        self.attributes_asked += len(nodes)
        return [str(node.identifier) not in self.without for node in nodes]  # type: ignore[union-attr]

    def release_history(self, asked: HistoryRequest) -> None:
        self.released += asked.points

    async def read_history(self, asked: HistoryRequest) -> bytes:
        self.asked.append(asked)
        if self.manner == "mute" or (self.manner == "slow" and len(self.asked) <= 2):
            raise LinkDown("x", "HistoryRead: TimeoutError")
        if self.manner == "hangs" and len(self.asked) > 1:
            await asyncio.Event().wait()
        if self.manner == "unsupported":
            raise RequestRefused("x", "HistoryRead", 0x800B0000, "BadServiceUnsupported")
        response = ua.HistoryReadResponse()
        for node, point in zip(asked.nodes, asked.points, strict=True):
            response.Results.append(self._result(str(node.identifier), point, asked))  # type: ignore[union-attr]
        return bytes(struct_to_binary(response))

    def _result(self, name: str, point: bytes, asked: HistoryRequest) -> Any:
        if name in self.refused:
            return ua.HistoryReadResult(StatusCode=ua.StatusCode(self.refused[name]))
        if self.manner == "no_points" and len(asked.nodes) > 1:
            return ua.HistoryReadResult(StatusCode=ua.StatusCode(codes.BAD_NO_CONTINUATION_POINTS))
        begin, end = _time(asked.start), _time(asked.end)
        found = [v for v in self.values[name] if begin <= v.SourceTimestamp <= end]
        at = int(point or b"0")
        page = found[at : at + asked.most]
        more = b"%d" % (at + asked.most) if at + asked.most < len(found) else b""
        result = ua.HistoryReadResult(ContinuationPoint=b"" if self.manner == "forgets_points" else more)
        result.HistoryData = ua.HistoryData(page)
        return result


class Reader:
    """A backfill of one asset and everything that it delivered."""

    def __init__(self, rig: ModuleType, **changes: object) -> None:
        self.settings = replace(rig.make_settings(1, tags=NAMES, **changes))
        self.holes = Holes(self.settings, (rig.TABLE,))
        self.counters: Counter[str] = Counter()
        self.got: list[tuple[int, float, int]] = []
        self.notices: list[Notice] = []
        self.tables = rig.TABLE
        self.backfill = Backfill(self.settings, self.holes, self._deliver, self.notices.append, self.counters)

    def _deliver(self, values: Values) -> int:
        times = (event_times(values) - T0) // S
        self.got += zip(values.handle.tolist(), values.value.tolist(), times.tolist(), strict=True)
        return len(values)

    def live(self, *rows: tuple[str, float]) -> None:
        """Tags and seconds that were delivered."""
        tag = np.array([self.tables.index(name) for name, _ in rows], dtype=np.uint16)
        times = np.array([T0 + round(second * S) for _, second in rows])
        n = len(rows)
        self.holes.passed(SampleBatch(self.tables, tag, times, np.zeros(n), np.zeros(n, dtype=np.uint32), T0))

    def hole(self, start: float, end: float, *, ready: float = -SETTLE_S - 1) -> Notice | None:
        gap = Notice(NoticeKind.GAP, "pump", "link_down", T0 + round(start * S), T0 + round(end * S))
        return self.holes.ended(gap, ready)

    def usual(self, start: float = 10, end: float = 60) -> None:
        """All tags spoke last at `start` and first at `end`."""
        self.live(*((name, start) for name in NAMES))
        self.holes.lose(["pump"])
        self.live(*((name, end) for name in NAMES))
        self.hole(start, end)

    async def read(self, server: Server, nodes: Mapping[int, Node] = NODES, enough: int = 1) -> None:
        """Until so many holes are told, or what is awaited does not come."""
        task = asyncio.create_task(self.backfill.run(server, lambda: nodes, FACTS))
        for _ in range(2000):
            await asyncio.sleep(0)
            if self.holes.due is None or task.done():
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def seconds(self, handle: int) -> list[int]:
        return [second for h, _, second in self.got if h == handle]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await real(0)

    monkeypatch.setattr("connectors.opcua.history.asyncio", type("Loop", (), {"sleep": staticmethod(sleep)}))
    monkeypatch.setattr("connectors.opcua.history.VALUES_PER_NODE", 10)
    return waited


@pytest.fixture
def waited(_no_waiting: list[float]) -> list[float]:
    return _no_waiting


@pytest.mark.parametrize("manner", ["points", "forgets_points", "no_points", "slow"])
def test_every_missing_value_is_read_once_whatever_the_manners_of_the_server(rig: ModuleType, manner: str) -> None:
    reader = Reader(rig)
    reader.usual()
    server = Server(manner)
    asyncio.run(reader.read(server))
    for handle in NODES:
        assert reader.seconds(handle) == list(range(11, 60))
    assert max(asked.most for asked in server.asked) == 10
    assert [value for h, value, _ in reader.got if h == 1] == [100.0 + s for s in range(11, 60)]
    assert reader.counters["backfilled_values"] == 3 * 49
    assert all(len(asked.nodes) <= 2 for asked in server.asked)  # MaxNodesPerHistoryReadData
    last = reader.notices[-1]
    assert (last.kind, last.reason, last.start, last.end) == (NoticeKind.BACKFILL, "finished", T0 + 10 * S, T0 + 60 * S)
    assert last.count == 3 * 49


def test_every_tag_has_edges_of_its_own(rig: ModuleType) -> None:
    """What was told last and first of a tag is not told again; the slow one is not read back to its last value."""
    reader = Reader(rig, publishing_interval=timedelta(seconds=2))
    reader.live(("tick", 10), ("setpoint", 3), ("text", 9))
    reader.holes.lose(["pump"])
    reader.live(("tick", 60))
    reader.hole(10, 60)
    reader.live(("setpoint", 40), ("tick", 61), ("text", 62))
    asyncio.run(reader.read(Server()))
    assert reader.seconds(0) == list(range(11, 60))
    assert reader.seconds(1) == list(range(9, 40))  # one publishing interval before the hole, exclusive
    assert reader.seconds(2) == list(range(10, 62))


def test_a_second_break_goes_on_where_the_first_link_was(rig: ModuleType) -> None:
    reader = Reader(rig)
    reader.usual()
    server = Server("hangs")
    asyncio.run(reader.read(server))  # the link ends while the second page is awaited
    assert 0 < len(reader.got) < 3 * 49
    assert server.released == [b"10", b"10"]
    server.manner = "points"
    asyncio.run(reader.read(server))
    for handle in NODES:
        assert reader.seconds(handle) == list(range(11, 60))


def test_holes_queue_and_a_tag_that_stayed_silent_is_not_read_twice(rig: ModuleType) -> None:
    reader = Reader(rig, publishing_interval=timedelta(seconds=5))
    reader.live(("tick", 10), ("setpoint", 10))
    reader.holes.lose(["pump"])
    reader.live(("tick", 20))
    reader.hole(10, 20)
    reader.holes.lose(["pump"])  # before the setpoint has spoken
    reader.live(("tick", 40), ("setpoint", 40))
    reader.hole(20, 40)
    asyncio.run(reader.read(Server()))
    assert reader.seconds(0) == [*range(11, 20), *range(21, 40)]
    assert reader.seconds(1) == list(range(11, 40))
    assert [n.reason for n in reader.notices if n.reason != "advanced"] == ["finished"] * 2


def test_refused_nodes_are_told_and_not_asked_again_in_this_session(rig: ModuleType) -> None:
    reader = Reader(rig)
    server = Server(refused={"text": 0x80720000})
    server.without = {"setpoint"}
    for _ in range(2):
        reader.usual()
        asyncio.run(reader.read(server))
    assert server.attributes_asked == 3
    asked = [str(node.identifier) for request in server.asked for node in request.nodes]  # type: ignore[union-attr]
    assert (asked.count("text"), asked.count("setpoint")) == (1, 0)
    first, second = [n for n in reader.notices if n.reason != "advanced"]
    assert (first.reason, second.reason) == ("partly", "partly")
    assert "BadHistoryOperationUnsupported" in first.detail
    assert "setpoint" in first.detail
    assert reader.counters["backfill_refused"] == 1
    reader.backfill.anew()
    reader.usual()
    asyncio.run(reader.read(server))
    assert server.attributes_asked == 6


@pytest.mark.parametrize(("manner", "told"), [("mute", "TimeoutError"), ("unsupported", "BadServiceUnsupported")])
def test_a_history_that_cannot_be_read_is_told_and_ends_nothing(rig: ModuleType, manner: str, told: str) -> None:
    reader = Reader(rig)
    reader.usual()
    asyncio.run(reader.read(Server(manner)))
    (notice,) = reader.notices
    assert (notice.reason, told in notice.detail) == ("partly", True)
    assert (reader.counters["backfill_failed"], reader.counters["backfilled_values"]) == (1, 0)


def test_values_are_read_no_faster_than_the_rate(rig: ModuleType, waited: list[float]) -> None:
    reader = Reader(rig, backfill_rate=7)
    reader.usual()
    server = Server()
    asyncio.run(reader.read(server))
    assert sum(waited) == pytest.approx(3 * 49 / 7)
    assert max(request.most for request in server.asked) <= 7


def test_of_a_hole_beyond_the_limit_the_end_is_read_and_the_rest_told(rig: ModuleType) -> None:
    reader = Reader(rig, backfill_limit=timedelta(seconds=20))
    reader.usual()
    asyncio.run(reader.read(Server()))
    assert reader.seconds(0) == list(range(41, 60))
    assert "backfill_limit" in reader.notices[-1].detail


def test_a_hole_waits_until_all_tags_have_spoken_and_many_are_bounded(rig: ModuleType) -> None:
    reader = Reader(rig)
    reader.live(("tick", 1))
    given_up = []
    for i in range(MOST_HOLES + 2):
        reader.holes.lose(["pump"])
        given_up.append(reader.hole(i + 1, i + 2, ready=100.0))
    assert reader.holes.due == 100.0 + SETTLE_S
    assert [notice is not None for notice in given_up].count(True) == 2
    reader.holes.lose(["pump"])
    assert reader.hole(9, 9) is None  # the server's clock went back: nothing can be asked for


def test_status_codes_and_arrays_of_a_history_are_as_sent() -> None:
    response = ua.HistoryReadResponse()
    array = ua.DataValue(ua.Variant([1.0, 2.0], ua.VariantType.Float), SourceTimestamp=_time(T0))
    data = ua.HistoryData([_value(1, 1, 0x40950401), array])
    response.Results = [ua.HistoryReadResult(ContinuationPoint=b"go on", HistoryData=data), ua.HistoryReadResult()]
    raw = bytes(struct_to_binary(response))
    first, second = wire.read_history(raw)  # type: ignore[misc]
    assert (first.point, first.values.status.tolist()) == (b"go on", [0x40950401, 0])
    assert first.values.arrays[1].tolist() == [1.0, 2.0]
    assert (second.point, len(second.values)) == (b"", 0)
    for size in range(len(raw) - 5):
        with pytest.raises(MalformedMessage):
            wire.read_history(raw[:size])


@pytest.mark.parametrize(
    ("told", "has"), [((1, 1, False), False), ((5, 1, False), True), ((1, 5, None), True), ((None, None, True), True)]
)
def test_one_sign_of_a_history_is_enough(told: tuple[Any, ...], has: bool) -> None:
    values = [ua.DataValue(None if one is None else ua.Variant(one)) for one in told]
    assert history.has_history(values) == [has]


def test_a_request_reaches_out_to_whole_microseconds() -> None:
    asked = HistoryRequest([NODES[0]], ("ua",), [b""], T0 + 1, T0 + 1001, 5)
    details = history.read_raw(asked, release=False).Parameters.HistoryReadDetails
    assert (details.StartTime, details.EndTime) == (_time(T0), _time(T0 + 2000))
    assert (details.IsReadModified, details.ReturnBounds, details.NumValuesPerNode) == (False, False, 5)
