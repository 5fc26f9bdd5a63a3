from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bytewax.testing import TestingSource
from bytewax.visualize import to_plantuml
from flows_gateway import ListGateway, MeanScorer, keyed, recovery, run
from flows_streams import T0, S, block, dropped, gap, idle, regular

from cloud_sink.decoding import decode_summary
from cloud_sink.records import Account, Alert, Event, WindowSummary
from connectors.samples import Item, Notice, NoticeKind
from flows import AlertSettings, Gateway, condition_monitoring
from flows.alarm_settings import AlarmSettings
from flows.alarms import Maintenance, Once
from flows.rules import Limit, RuleSet


def mixed() -> list[Item]:
    """Two presses, one of which overheats from second 40 to 80; disorder, a late block, notices."""
    items: list[Item] = []
    for second in range(0, 140, 2):
        hot = 100.0 if 40 <= second < 80 else 0.0
        for asset, value in (("press", hot - second), ("fan", -second)):
            items += regular(2, asset, per_block=2, start=second, value=value)
    items.insert(60, block((3, 0, 1.0)))
    items.insert(90, gap(50, 51))
    items.insert(100, dropped(4, 60))
    items += [idle(160, "fan")]
    return items


def gateway(items: list[Any], batch_size: int = 1) -> ListGateway:
    return ListGateway(
        items, {"press": MeanScorer()}, alerts=AlertSettings(open_after=2, clear_after=2), batch_size=batch_size
    )


def run_through(items: list[Any], batch_size: int = 1) -> ListGateway:
    g: Gateway = gateway(items, batch_size)
    run(condition_monitoring.build(g))
    assert isinstance(g, ListGateway)
    return g


def facts(g: ListGateway) -> dict[str, list[bytes]]:
    """Every record by key, and the last account of each asset: what the outbox would hold."""
    records: dict[str, bytes] = {}
    for _, record in g.out:
        if isinstance(record, Account):
            records[f"account/{record.asset}"] = repr(record).encode()
        else:
            assert records.setdefault(record.key, record.encode()) == record.encode()
    return records


def test_the_whole_way() -> None:
    g = run_through(keyed(mixed()))
    opened, cleared = g.records(Alert)
    assert (opened.asset, opened.rule, opened.state, opened.severity) == ("press", "anomaly", "opened", "alarm")
    assert (opened.opened_at, opened.model) == (T0 + 60 * S, "means@1")
    assert opened.score == pytest.approx(10.0, rel=0.5)
    assert [tag for tag, _ in opened.contributions] == ["speed", "current"]
    assert (cleared.state, cleared.opened_at, cleared.at) == ("cleared", opened.at, T0 + 100 * S)
    summaries = g.records(WindowSummary)
    assert sorted({s.start for s in summaries if s.asset == "fan"}) == [T0 + 10 * i * S for i in range(14)]
    assert all(s.model == "" and np.isnan(s.score) for s in summaries if s.asset == "fan")
    assert decode_summary(summaries[0].encode()).n.tolist() == [10, 10, 10]
    assert {e.kind for e in g.records(Event)} == {"gap", "dropped", "late"}
    books = {a.asset: a for a in g.records(Account)}
    assert all(a.balanced for a in g.records(Account))
    assert books["press"] == Account("press", 140 * 3 + 5, 140 * 3, 1, (("queue_full", 4),))


def test_the_size_of_a_poll_changes_nothing() -> None:
    one = facts(run_through(keyed(mixed())))
    assert facts(run_through(keyed(mixed()), batch_size=17)) == one
    assert facts(run_through(keyed(mixed()), batch_size=1000)) == one


def test_killed_again_and_again_it_reports_the_same(tmp_path: Path) -> None:
    undisturbed = facts(run_through(keyed(mixed())))
    items: list[Any] = keyed(mixed())
    g = gateway(items)
    store = recovery(tmp_path / "recovery")
    for at in range(5, len(items), 9):  # one a run: `TestingSource` miscounts its position behind a second one
        g.items = [*items[:at], TestingSource.ABORT(), *items[at:]]
        run(condition_monitoring.build(g), store)
    g.items = items
    run(condition_monitoring.build(g), store)
    assert len(g.out) > 1
    assert facts(g) == undisturbed


def test_end_of_input_leaves_windows_open_and_a_restart_closes_them(tmp_path: Path) -> None:
    items: list[Any] = keyed(regular(6))
    items += [TestingSource.EOF(), *keyed(regular(10, start=6))]
    g = gateway(items)
    store = recovery(tmp_path / "recovery")
    run(condition_monitoring.build(g), store)
    assert not g.records(WindowSummary)
    assert g.records(Account)[-1].placed == 18
    run(condition_monitoring.build(g), store)
    (summary,) = g.records(WindowSummary)
    assert summary.n.tolist() == [10, 10, 10]
    assert not summary.partial


def test_the_step_ids_that_key_the_recovery_state_stand_fast() -> None:
    """Renaming one orphans the state of every gateway in the field: a migration, not a clean-up."""
    picture = to_plantuml(condition_monitoring.build(gateway([])), recursive=True)
    keyed_steps = re.findall(r"(\S+) \((input|stateful_batch|output)\)", picture)
    assert keyed_steps == [
        ("condition_monitoring.samples", "input"),
        ("condition_monitoring.window.state", "stateful_batch"),
        ("condition_monitoring.score.state", "stateful_batch"),
        ("condition_monitoring.alert.state", "stateful_batch"),
        ("condition_monitoring.alert.flood", "stateful_batch"),
        ("condition_monitoring.drift.state", "stateful_batch"),
        ("condition_monitoring.outbox", "output"),
    ]


def shift() -> list[Item]:
    """The two presses again, with a limit on the current, people who ask, and maintenance of the fan."""
    items = mixed()
    asked = {46: ("acknowledge", "*", 0), 52: ("shelve", "current.H", 75), 70: ("unshelve", "anomaly", 0)}
    for position, (second, (what, alarm, until)) in enumerate(sorted(asked.items())):
        detail = json.dumps({"alarm": alarm, "comment": ""})
        end = T0 + until * S if until else 0
        notice = Notice(NoticeKind.COMMAND, "press", what, T0 + second * S, end, source="anna", detail=detail)
        items.insert(second + position, notice)
    return items


def alarmed(items: list[Any], batch_size: int = 1) -> ListGateway:
    g = gateway(items, batch_size)
    limit = Limit("current", "H", 50.0)
    g.rule_sets = {
        asset: RuleSet((limit,), {limit.name: AlarmSettings(severity="alarm")}) for asset in ("press", "fan")
    }
    g.calendars = {"fan": Maintenance((Once(T0 + 30 * S, T0 + 50 * S),))}
    return g


def test_rules_people_and_maintenance_in_the_flow() -> None:
    g = alarmed(keyed(shift()))
    run(condition_monitoring.build(g))
    told = [(a.asset, a.rule, a.state, a.alarm_state, round((a.at - T0) / S, 3)) for a in g.records(Alert)]
    assert told == [
        ("fan", "current.H", "out_of_service", "OOSRV", 30.0),
        ("press", "current.H", "opened", "UNACK", 40.0),
        ("press", "current.H", "acknowledged", "ACKED", 46.0),
        ("fan", "current.H", "in_service", "NORM", 50.0),
        ("press", "current.H", "shelved", "SHLVD", 52.0),
        ("press", "current.H", "cleared", "SHLVD", 52.0),
        ("press", "anomaly", "opened", "UNACK", 60.0),
        ("press", "current.H", "unshelved", "NORM", 75.0),
        ("press", "current.H", "opened", "UNACK", 75.0),
        ("press", "current.H", "cleared", "RTNUN", 80.0),
        ("press", "anomaly", "cleared", "RTNUN", 100.0),
    ]
    events = [(event.reason, event.source) for event in g.records(Event) if event.kind == "command"]
    assert events == [("nothing_to_do", "anna")], "the anomaly was not shelved"


def test_killed_in_the_middle_of_it_alarms_go_on_where_they_were(tmp_path: Path) -> None:
    whole = alarmed(keyed(shift()))
    run(condition_monitoring.build(whole))
    big = alarmed(keyed(shift()), batch_size=50)
    run(condition_monitoring.build(big))
    items: list[Any] = keyed(shift())
    g = alarmed(items)
    store = recovery(tmp_path / "recovery")
    for at in range(7, len(items), 13):
        g.items = [*items[:at], TestingSource.ABORT(), *items[at:]]
        run(condition_monitoring.build(g), store)
    g.items = items
    run(condition_monitoring.build(g), store)
    assert facts(g) == facts(whole) == facts(big)


def test_a_flood_over_two_assets_is_held_back_and_reported_once(tmp_path: Path) -> None:
    limits = tuple(Limit(tag, "H", 50.0) for tag in ("current", "speed", "door"))
    rules = RuleSet(limits, {limit.name: AlarmSettings() for limit in limits})
    month = json.dumps({"alarm": "door.H", "comment": ""})
    shelved = Notice(NoticeKind.COMMAND, "fan", "shelve", T0, T0 + 30 * 86_400 * S, source="anna", detail=month)
    items: list[Item] = [*regular(1, value=90.0), *regular(1, "fan", value=90.0), shelved]
    for second in range(60, 960, 60):
        items += [*regular(1, start=second, value=-second), *regular(1, "fan", start=second, value=-second)]
    g = gateway(keyed(items))
    g.scorers, g.alerts = {}, AlertSettings(flood_limit=2)
    g.rule_sets = {"press": rules, "fan": rules}
    run(condition_monitoring.build(g), recovery(tmp_path / "recovery"))
    opened = [(a.asset, a.rule, a.lane.name) for a in g.records(Alert) if a.state == "opened"]
    assert opened == [
        ("press", "current.H", "ALERT"),
        ("press", "speed.H", "ALERT"),
        ("", "alarm_flood", "ALERT"),
        ("press", "door.H", "EVENT"),
        ("fan", "current.H", "EVENT"),
        ("fan", "speed.H", "EVENT"),
        ("fan", "door.H", "EVENT"),
    ]
    (report,) = [a for a in g.records(Alert) if a.rule == "alarm_flood" and a.state == "cleared"]
    assert (report.at - T0) // S == 600
    assert report.detail == ("4 openings were held back: press door.H, fan current.H, fan speed.H, fan door.H.")
