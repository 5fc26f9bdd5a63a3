"""What a gateway says of itself, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from cloud_sink.batch import Batch, Row, batch_id
from cloud_sink.decoding import decode_event
from cloud_sink.objects import build_object
from cloud_sink.outbox.stat import read_stat
from cloud_sink.outbox.writer import OutboxWriter, PutResult
from cloud_sink.records import Account, Alert, Event, Lane
from cloud_sink.report import Report
from cloud_sink.settings import Naming, OutboxSettings
from edge_gateway.config.load import load
from edge_gateway.gateway import LocalGateway
from edge_gateway.identity import boot_id, gateway_id
from edge_gateway.layout import Layout
from edge_gateway.report import Reporter, count_alarms, make_report

NS = 10**9
GATEWAY = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
[[target]]
kind = "file"
path = "cloud"
[[modbus]]
name = "line"
host = "127.0.0.1"
[[modbus.tags]]
asset = "pump"
tag = "flow"
address = "holding:0:int16"
"""
DAY_BUDGET = 5_000_000


@dataclass
class World:
    now: float = 1000.0
    open: bool = True

    def __post_init__(self) -> None:
        self.told: list[Event] = []
        self.reporter = Reporter(
            timedelta(hours=1),
            lambda up_s, every_s: Report("1.0", "id", "boot", up_s, every_s),
            self.tell,
            lambda: int(self.now) * NS,
            lambda: self.now,
        )

    def tell(self, events: list[Event]) -> bool:
        self.told += events if self.open else []
        return self.open

    def pass_at(self, now: float) -> int:
        self.now = now
        self.reporter.pass_over()
        return len(self.told)


def test_the_first_comes_after_a_minute_and_then_one_each_hour() -> None:
    world = World()
    assert [world.pass_at(1000 + after) for after in (0, 59, 60, 61, 3659, 3660, 3661, 7260)] == [
        0,
        0,
        1,
        1,
        1,
        2,
        2,
        3,
    ]
    assert [(event.start // NS, event.end // NS) for event in world.told] == [(1000, 1060), (1060, 4660), (4660, 8260)]
    assert [event.report.up_s for event in world.told if event.report] == [60, 3660, 7260]
    assert len({event.key for event in world.told}) == 3


def test_it_waits_for_the_outbox() -> None:
    world = World(open=False)
    assert world.pass_at(1100) == 0
    world.open = True
    assert world.pass_at(1101) == 1


def full_report() -> Report:
    served = [[SimpleNamespace(scorer=SimpleNamespace(model=f"pump@{n}"), shadow=n == 2) for n in (1, 2)]] * 8
    deliver = {
        "backlog": {"alert": {"records": 0, "oldest": 0}, "summary": {"records": 30, "oldest": 40 * NS}},
        "losses": {"dropped/summary/outbox_quota": 7},
        "targets": {"s3": {"trouble": "credentials"}, "file": {"trouble": ""}},
    }
    drift = {"pump@1": [{"state": "drifting"}, {"state": "none"}], "other@1": [{"state": "none"}]}
    accounts = [Account(f"pump-{n}", 100, 90, 4, (("skewed", 6),)) for n in range(8)]
    times = (60, 3600)
    return make_report(("id", "boot"), times, accounts, {"dropped": 3}, deliver, served, drift, (2, 1), 100 * NS)  # type: ignore[arg-type]


def test_it_counts_what_the_processes_know() -> None:
    report = full_report()
    assert (report.received, report.late, report.alarms, report.unanswered) == (800, 32, 2, 1)
    assert report.models == (("pump@1", "active", 8), ("pump@2", "shadow", 8))
    assert report.drift == (("pump@1", 1),)
    assert report.drops == (
        ("intake", "full", 3),
        ("flow", "skewed", 48),
        ("outbox", "dropped/summary/outbox_quota", 7),
    )
    assert report.backlog == (("summary", 30, 60),)
    assert report.trouble == ("credentials",)


def test_a_gateway_puts_its_report_into_its_own_outbox(tmp_path: Path) -> None:
    """As after its first minute, with no other process of it running."""
    (tmp_path / "gateway.toml").write_text(GATEWAY)
    gateway = LocalGateway(load(tmp_path / "gateway.toml"), lambda: True, lambda: None)
    gateway.sink().build_part("out", "outbox-0", None).write_batch([Account("pump", 10, 8, 2)])
    gateway._sink.flush_due()
    gateway._noted(PutResult(0, 0, 0, 0, 0), [Account("pump", 10, 8, 2)])
    gateway._reporter._due = 0
    gateway._passed()
    gateway._passed()
    layout = Layout(tmp_path / "data")
    assert read_stat(layout.outbox).backlog[Lane.EVENT].count == 1
    report = gateway._report(60, 3600)
    assert (report.received, report.late, report.boot) == (10, 2, boot_id())
    assert report.gateway_id == layout.gateway_id.read_text().strip()
    assert [role for _, role, _ in report.models] == ["active"], "what starts cold is a model, too"
    assert gateway.facts()["events"] == [], "it is not news for the page"


def test_a_day_of_reports_is_a_thousandth_of_what_a_day_may_cost() -> None:
    size = 0
    for hour in range(24):
        event = Event("", "report", "regular", 0, hour * 3600 * NS, 0, "id", "A sentence.", full_report())
        batch = Batch(batch_id([event.key]), Lane.EVENT, (Row(0, event.key, event.time, event.encode()),))
        size += len(build_object(batch, Naming("plant", "gateway-1", "1.0")).data)
    assert size < 2 * DAY_BUDGET / 1000
    assert size > 1000


def test_alarms_are_counted_by_the_history(tmp_path: Path) -> None:
    assert count_alarms(tmp_path) == (0, 0), "there is no outbox yet"
    alert = Alert("pump", "anomaly", "opened", "alarm", 1.5, 1.0, "m@1", NS, NS, NS, alarm_state="UNACK")
    writer = OutboxWriter(tmp_path, OutboxSettings())
    writer.put(
        [
            alert,
            replace(alert, asset="fan"),
            replace(alert, asset="fan", state="acknowledged", at=2 * NS, alarm_state="ACKED"),
            replace(alert, asset="press"),
            replace(alert, asset="press", state="cleared", at=2 * NS, alarm_state="NORM"),
        ]
    )
    assert count_alarms(tmp_path) == (2, 1)
    writer.close()


def test_an_id_stays_with_its_folder(tmp_path: Path) -> None:
    first = gateway_id(tmp_path / "id")
    assert gateway_id(tmp_path / "id") == first
    assert gateway_id(tmp_path / "other") != first
    (tmp_path / "id").write_text("rotten")
    assert gateway_id(tmp_path / "id") != "rotten"
    assert len(gateway_id(tmp_path / "nowhere" / "id")) == 16, "a folder that cannot be written"


def test_a_boot_is_told_without_telling_the_machine(tmp_path: Path) -> None:
    (tmp_path / "boot").write_text("0a1b\n")
    found = boot_id(tmp_path / "boot")
    assert len(found) == 8
    assert "0a1b" not in found
    assert boot_id(tmp_path / "none") == ""


@pytest.mark.parametrize("report", [Report("1.0", "id", "b", 1, 2), full_report()])
def test_it_comes_back_as_it_was(report: Report) -> None:
    event = Event("", "report", "regular", 0, 1, 0, "id", "", report)
    assert decode_event(event.encode()) == event
    with pytest.raises(ValueError, match="no event"):
        decode_event(event.encode().replace(b'"report":{', b'"report":["a"],"more":{'))
