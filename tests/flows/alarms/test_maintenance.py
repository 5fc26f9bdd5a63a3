from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from flows.alarms import Maintenance, Once, Weekly

BERLIN = ZoneInfo("Europe/Berlin")


def ns(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * 10**9


def told(maintenance: Maintenance, at: str) -> tuple[bool, str, str]:
    look = maintenance.look(ns(at))
    until = "" if look.until is None else str(datetime.fromtimestamp(look.until // 10**9, UTC))
    return look.on, str(datetime.fromtimestamp(look.since // 10**9, UTC)) if look.since else "", until


SATURDAYS = Weekly(("sat",), time(6), time(8), BERLIN)
NIGHTS = Weekly(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), time(22), time(6), ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-01-03T05:30+01:00", (False, "2025-12-27 07:00:00+00:00", "2026-01-03 05:00:00+00:00")),
        ("2026-01-03T06:00+01:00", (True, "2026-01-03 05:00:00+00:00", "2026-01-03 07:00:00+00:00")),
        ("2026-01-03T08:00+01:00", (False, "2026-01-03 07:00:00+00:00", "2026-01-10 05:00:00+00:00")),
        ("2026-07-04T06:00+02:00", (True, "2026-07-04 04:00:00+00:00", "2026-07-04 06:00:00+00:00")),  # summer time
    ],
)
def test_weekly_is_local_time(at: str, expected: tuple[bool, str, str]) -> None:
    assert told(Maintenance((SATURDAYS,)), at) == expected


def test_over_midnight() -> None:
    assert told(Maintenance((NIGHTS,)), "2026-01-03T23:00Z") == (
        True,
        "2026-01-03 22:00:00+00:00",
        "2026-01-04 06:00:00+00:00",
    )
    assert Maintenance((NIGHTS,)).look(ns("2026-01-03T05:59Z")).on
    assert not Maintenance((NIGHTS,)).look(ns("2026-01-03T06:00Z")).on


def test_once_and_overlaps() -> None:
    first = Once(ns("2026-01-03T06:30+01:00"), ns("2026-01-03T12:00+01:00"))
    both = Maintenance((first, SATURDAYS))
    assert told(both, "2026-01-03T07:00+01:00") == (True, "2026-01-03 05:00:00+00:00", "2026-01-03 11:00:00+00:00")
    assert told(Maintenance((first,)), "2026-01-03T12:00+01:00") == (False, "2026-01-03 11:00:00+00:00", "")
    assert told(Maintenance(), "2026-01-03T12:00+01:00") == (False, "", "")


def test_the_hour_that_is_left_out_in_spring_is_no_maintenance() -> None:
    gone = Maintenance((Weekly(("sun",), time(2, 30), time(3), BERLIN),))
    look = gone.look(ns("2026-03-29T00:50Z"))
    assert (look.on, look.until) == (False, ns("2026-04-05T00:30Z"))


def test_every_boundary_is_where_looking_second_by_second_finds_it() -> None:
    maintenance = Maintenance((NIGHTS, SATURDAYS, Once(ns("2026-03-28T12:00Z"), ns("2026-03-28T12:30Z"))))
    at, seen = ns("2026-03-26T00:00Z"), []
    while at < ns("2026-03-31T00:00Z"):
        look = maintenance.look(at)
        seen.append((at, look.on))
        assert look.since <= at
        assert look.until is not None
        assert maintenance.look(look.until - 1).on == look.on
        assert maintenance.look(look.until).on != look.on
        at = look.until
    assert len(seen) == 13, "five nights and what is left of one, four days, and noon cuts one in two"


def test_refuses_what_ends_before_it_begins() -> None:
    with pytest.raises(ValueError, match="to: must be after from"):
        Once(5, 5)
