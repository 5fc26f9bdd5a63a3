"""Many gateways in one place: how they are, by their reports; whose name two have; what is read for it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sink.batch import Batch, Row, batch_id
from cloud_sink.errors import PermanentDeliveryError, PermanentReason
from cloud_sink.lake.fleet import GatewayView, Told, _rank, fleet, judge
from cloud_sink.lake.places import Days, open_place
from cloud_sink.objects import build_object, object_key
from cloud_sink.records import Event, Lane, Record
from cloud_sink.report import KIND, Report
from cloud_sink.settings import Naming
from cloud_sink.targets.file import FileTarget

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
NS = 10**9
HOUR = 3600
WELL = Report("1.0", "aa", "b1", 7200, HOUR, received=10)
WEEK, MISSING = timedelta(days=7), timedelta(hours=3)


def event(seconds_ago: float, report: Report | None = WELL) -> Event:
    end = int(NOW.timestamp() - seconds_ago) * NS
    kind = "late" if report is None else KIND
    return Event("", kind, "regular", end - HOUR * NS, end, 0, "", "", report)


def batch_of(*records: Record) -> Batch:
    rows = tuple(Row(i, record.key, record.time, record.encode()) for i, record in enumerate(records))
    return Batch(batch_id(row.key for row in rows), records[0].lane, rows)


def deliver(folder: Path, *records: Record, name: str = "gw-1", site: str = "plant", ago: float | None = None) -> Path:
    """As the deliverer does it, arriving when its last record was made or so many seconds ago."""
    sent = build_object(batch_of(*records), Naming(site, name, "1.0"))
    FileTarget(folder).put(sent.key, sent.data)
    arrived = records[-1].time / NS if ago is None else NOW.timestamp() - ago
    os.utime(folder / sent.key, (arrived, arrived))
    return folder / sent.key


def look(folder: Path, site: str | None = None, since: timedelta = WEEK) -> list[GatewayView]:
    return fleet(open_place(str(folder)), NOW, since, MISSING, site)


def told(view: GatewayView) -> tuple[str, tuple[str, ...]]:
    return view.gateway, view.worries


def test_each_gateway_is_seen_by_its_last_report_worst_first(tmp_path: Path) -> None:
    deliver(tmp_path, event(4000), name="well")
    deliver(tmp_path, event(400, replace(WELL, up_s=10_800)), name="well")
    deliver(tmp_path, event(4 * HOUR), name="gone")
    deliver(tmp_path, event(100, replace(WELL, alarms=3, unanswered=2)), name="ringing")
    deliver(tmp_path, event(100, replace(WELL, drift=(("m@1", 1),), drops=(("flow", "skewed", 5),))), name="drifting")
    deliver(tmp_path, event(100, replace(WELL, trouble=("credentials",))), name="away")
    deliver(tmp_path, event(100, None), name="old-software")
    assert [told(view) for view in look(tmp_path)] == [
        ("gone", ("missing",)),
        ("ringing", ("alarms",)),
        ("away", ("behind",)),
        ("drifting", ("drift", "drops")),
        ("old-software", ("silent",)),
        ("well", ()),
    ]
    (well,) = [view for view in look(tmp_path) if view.gateway == "well"]
    assert well.last is not None
    assert well.last.report.up_s == 10_800
    assert [view.grave for view in look(tmp_path)] == [True, False, False, False, False, False]


def test_a_report_among_other_events_is_found(tmp_path: Path) -> None:
    deliver(tmp_path, event(3000, None), event(2000), event(1000, None))
    for ago in range(60, 900, 60):
        deliver(tmp_path, event(ago, None))
    assert [told(view) for view in look(tmp_path)] == [("gw-1", ())]


def test_one_that_reports_once_a_day_is_not_silent(tmp_path: Path) -> None:
    deliver(tmp_path, event(20 * HOUR, replace(WELL, every_s=24 * HOUR)))
    deliver(tmp_path, event(HOUR, None))
    assert [told(view) for view in look(tmp_path)] == [("gw-1", ())]


def test_two_machines_with_one_name_are_told_from_a_reboot(tmp_path: Path) -> None:
    deliver(tmp_path, event(1800), name="clones")
    deliver(tmp_path, event(600, replace(WELL, boot="b2")), name="clones")
    deliver(tmp_path, event(1800), name="namesakes")
    deliver(tmp_path, event(600, replace(WELL, gateway_id="bb")), name="namesakes")
    deliver(tmp_path, event(1800), name="rebooted")
    deliver(tmp_path, event(600, replace(WELL, boot="b2", up_s=60)), name="rebooted")
    found = dict(map(told, look(tmp_path)))
    assert found == {"clones": ("twins",), "namesakes": ("twins",), "rebooted": ()}


def test_a_clock_that_is_ahead_shows_and_one_that_is_late_does_not(tmp_path: Path) -> None:
    deliver(tmp_path, event(-600), name="ahead", ago=0)
    deliver(tmp_path, event(600), name="delayed", ago=0)
    ahead, delayed = look(tmp_path)
    assert told(ahead) == ("ahead", ("clock",))
    assert ahead.ahead_s == 600.0
    assert told(delayed) == ("delayed", ())


def test_what_was_set_aside_for_a_foreign_object_shows() -> None:
    report = replace(WELL, drops=(("outbox", "quarantined/summary/key_conflict", 15),))
    view = judge(("plant", "gw-1"), NOW, [Told(report, int(NOW.timestamp()) * NS, NOW)], NOW, MISSING)
    assert view.worries == ("conflict", "drops")
    assert view.grave


def test_any_two_that_are_ill_can_be_ranked() -> None:
    """As bad and as many worries, of which only one is that it is missing."""
    views = [
        replace_worries(name, worries) for name, worries in (("a", ("twins", "missing")), ("b", ("twins", "conflict")))
    ]
    assert [view.gateway for view in sorted(views, key=_rank)] == ["b", "a"]


def replace_worries(name: str, worries: tuple[str, ...]) -> GatewayView:
    return replace(judge(("plant", name), NOW, [], NOW, MISSING), worries=worries)


def test_only_what_is_needed_is_opened(tmp_path: Path) -> None:
    """Damaged objects that would be an error if they were."""
    for name in ("a", "b"):
        old = deliver(tmp_path, event(30 * HOUR), name=name)
        old.write_bytes(b"not gzip")
        os.utime(old, (NOW.timestamp() - 30 * HOUR,) * 2)
        deliver(tmp_path, event(60), name=name)
    other = deliver(tmp_path, event(50), name="c", site="elsewhere")
    other.write_bytes(b"not gzip")
    assert [view.gateway for view in look(tmp_path, "plant")] == ["a", "b"]


def test_partitions_that_are_not_asked_for_are_not_even_listed(tmp_path: Path) -> None:
    for site in ("north", "south"):
        for days in range(3):
            deliver(tmp_path, event(days * 24 * HOUR), site=site)
    place = open_place(str(tmp_path))
    day = NOW.date()
    assert len(place.find(Days())) == 6
    assert len(place.find(Days(day, day))) == 2
    assert len(place.find(Days(day - timedelta(days=1), None), site="north")) == 2
    asked: list[str] = []

    class Spy:
        def get_file_info(self, selector):
            asked.append(selector.base_dir.removeprefix(f"{place.root}/"))
            return place.filesystem.get_file_info(selector)

    spied = replace(place, filesystem=Spy())
    assert len(spied.find(Days(day, day), ("events",), "north")) == 1
    assert asked == [f"events/v1/site=north/date={day}"]
    asked.clear()
    assert len(spied.find(Days(day, None), ("events",))) == 2
    assert sorted(asked) == sorted(
        ["events/v1", *(f"events/v1/site={site}{part}" for site in ("north", "south") for part in ("", f"/date={day}"))]
    )


def test_a_report_of_another_version_is_read() -> None:
    newer = {**WELL.to_json(), "weather": "fine"}
    older = {name: value for name, value in WELL.to_json().items() if name not in ("drift", "trouble")}
    assert Report.from_json(json.loads(json.dumps(newer))) == WELL
    assert Report.from_json(json.loads(json.dumps(older))) == WELL
    for broken, why in (({}, "missing"), ({**WELL.to_json(), "up_s": "long"}, "no whole number")):
        with pytest.raises(ValueError, match=why):
            Report.from_json(broken)


def test_two_gateways_with_one_name_never_overwrite_each_other(tmp_path: Path, make) -> None:
    """As from a cloned disk: assets, windows and therefore keys are the same, what was measured is not."""
    target, naming = FileTarget(tmp_path), Naming("plant", "gw-1", "1.0")
    mine, other = make.summary(0), replace(make.summary(0), values=make.summary(1).values)
    first, second = (build_object(batch_of(one), naming) for one in (mine, other))
    assert first.key == second.key
    target.put(first.key, first.data)
    with pytest.raises(PermanentDeliveryError, match="two gateways with one name") as caught:
        target.put(second.key, second.data)
    assert caught.value.reason is PermanentReason.KEY_CONFLICT
    assert (tmp_path / first.key).read_bytes() == first.data


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
times = st.integers(0, 2 * 10**9 * NS)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.tuples(names, names, st.sampled_from(Lane), times), min_size=2, max_size=6))
def test_no_two_gateways_have_a_key_in_common(parts) -> None:
    """Whatever names are allowed, with the same records and the same batch in all of them."""
    keys = set()
    for site, gateway, lane, time in parts:
        batch = Batch(batch_id(["same"]), lane, (Row(0, "same", time, b""),))
        keys.add(object_key(batch, Naming(site, gateway, "1.0")))
    assert len(keys) == len(parts)


@settings(max_examples=50, deadline=None)
@given(names, names, times)
def test_a_key_tells_whose_it_is(tmp_path_factory, site: str, gateway: str, time: int) -> None:
    folder = tmp_path_factory.mktemp("place")
    key = object_key(Batch(batch_id(["k"]), Lane.EVENT, (Row(0, "k", time, b""),)), Naming(site, gateway, "1.0"))
    (folder / key).parent.mkdir(parents=True)
    (folder / key).write_bytes(b"")
    (found,) = open_place(str(folder)).find(Days())
    assert (found.site, found.gateway) == (site, gateway)
    assert found.day == date.fromordinal(date(1970, 1, 1).toordinal() + time // NS // 86_400)
