"""How all gateways of a place are, by the last report of each: who is well, who is gone, whose name two machines have.

Reads little: which gateways there are and when each was last heard is in the listing of the events; of each gateway the
objects are opened that arrived in the hour before it was last heard, for there its report is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from cloud_sink.errors import PlaceError
from cloud_sink.lake.places import Days, Found, Place
from cloud_sink.lake.tables import read_documents
from cloud_sink.report import KIND, Report

_NS = 10**9
_SLACK = timedelta(minutes=10)  # beyond the time from one report to the next: for the upload, and for a first one
_HOUR = timedelta(hours=1)
_OVERLAP_S = 120  # for which two machines must both have lived: clocks are set
_CLOCK_S = 60.0  # by which a report may be from the future
_OLD_S = 3600  # age of what waits for delivery
_CONFLICT = "key_conflict"
_EVENTS = ("events",)

# Worst first; people look at the top of the list.
WORRIES = ("twins", "missing", "conflict", "clock", "alarms", "behind", "drift", "silent", "drops")
GRAVE = frozenset({"twins", "missing", "conflict"})
"""What makes the answer no."""


@dataclass(frozen=True, slots=True)
class Told:
    """A report as it lies in a place.

    Attributes:
        report: Itself.
        end: When it was made, by the clock of the gateway, ns.
        arrived: When its object was written, by the clock of the place; None = not known.
    """

    report: Report
    end: int
    arrived: datetime | None

    @property
    def began(self) -> int:
        """When the flow began that made it, ns."""
        return self.end - self.report.up_s * _NS


@dataclass(frozen=True, slots=True)
class GatewayView:
    """One gateway.

    Attributes:
        site: Of its key.
        gateway: The same.
        heard: When its last event arrived.
        last: Its last report; None = it has not sent one.
        worries: Of `WORRIES`, worst first; () = it is well.
        machines: (gateway id, boot) of all that reported under the name in the last hour.
        ahead_s: By how much its clock is ahead of that of the place, at least; 0 = not that one could tell.
    """

    site: str
    gateway: str
    heard: datetime
    last: Told | None
    worries: tuple[str, ...] = ()
    machines: tuple[tuple[str, str], ...] = field(default=())
    ahead_s: float = 0.0

    @property
    def grave(self) -> bool:
        """Whether somebody must look after it."""
        return bool(GRAVE & set(self.worries))


def fleet(
    place: Place, now: datetime, since: timedelta, missing: timedelta, site: str | None = None
) -> list[GatewayView]:
    """Every gateway that was heard, worst first.

    Args:
        place: Where they deliver to.
        now: By the clock of the place.
        since: How far to look back for gateways.
        missing: Not heard for so long, one is missing.
        site: To look at; None = all.

    Raises:
        PlaceError: It cannot be read, or an object in it is damaged.
    """
    # A day more: the date in a key is of the gateway's clock, and of the earliest record inside.
    days = Days((now - since).date() - timedelta(days=1), None)
    listed = [one for one in place.find(days, _EVENTS, site) if one.gateway and _arrival(one) >= now - since]
    by_gateway = [list(found) for _, found in groupby(sorted(listed, key=_who), key=_who)]
    wanted = [one for found in by_gateway for one in _last_hour(found, _HOUR)]
    told = _reports(place, wanted)
    # One that reports less often than once an hour: its last day.
    rest = [found for found in by_gateway if _who(found[0]) not in told]
    told |= _reports(place, [one for found in rest for one in _last_hour(found, 24 * _HOUR)])
    views = [
        judge(_who(found[0]), max(map(_arrival, found)), told.get(_who(found[0]), []), now, missing)
        for found in by_gateway
    ]
    return sorted(views, key=_rank)


def judge(
    who: tuple[str, str], heard: datetime, reports: Sequence[Told], now: datetime, missing: timedelta
) -> GatewayView:
    """What is to be said of a gateway. Pure.

    Args:
        who: Site and gateway.
        heard: When its last event arrived.
        reports: Of its last hour.
        now: By the clock of the place.
        missing: As `fleet`.
    """
    last = max(reports, key=lambda told: told.end, default=None)
    machines = tuple(sorted({(told.report.gateway_id, told.report.boot) for told in reports}))
    ahead = max((_ahead(told) for told in reports), default=0.0)
    found = {
        "twins": _twins(reports),
        "missing": now - heard > missing,
        "silent": last is None,
        "clock": ahead > _CLOCK_S,
    }
    if last is not None:
        report = last.report
        found |= {
            "conflict": any(_CONFLICT in reason for _, reason, _ in report.drops),
            "alarms": report.unanswered > 0,
            "behind": bool(report.trouble) or any(age > _OLD_S for _, _, age in report.backlog),
            "drift": bool(report.drift),
            "drops": bool(report.drops),
        }
    worries = tuple(name for name in WORRIES if found.get(name))
    return GatewayView(*who, heard, last, worries, machines, ahead if ahead > _CLOCK_S else 0.0)


def _twins(reports: Sequence[Told]) -> bool:
    """Whether two machines lived at the same time; one after the other is a reboot, or a disk moved to a spare."""
    lives: dict[tuple[str, str], tuple[int, int]] = {}
    for told in reports:
        key = (told.report.gateway_id, told.report.boot)
        began, end = lives.get(key, (told.began, told.end))
        lives[key] = (min(began, told.began), max(end, told.end))
    ordered = sorted(lives.values())
    return any(later[0] < before[1] - _OVERLAP_S * _NS for before, later in pairwise(ordered))


def _ahead(told: Told) -> float:
    """A report cannot arrive before it was made."""
    return 0.0 if told.arrived is None else told.end / _NS - told.arrived.timestamp()


def _rank(view: GatewayView) -> tuple[Any, ...]:
    worst = WORRIES.index(view.worries[0]) if view.worries else len(WORRIES)
    longest = view.heard.timestamp() if "missing" in view.worries else 0.0
    return worst, -len(view.worries), longest, view.site, view.gateway


def _who(found: Found) -> tuple[str, str]:
    return found.site, found.gateway


def _arrival(found: Found) -> datetime:
    return found.arrived or datetime.combine(found.day, datetime.min.time(), UTC)


def _last_hour(found: Sequence[Found], length: timedelta) -> Iterable[Found]:
    newest = max(map(_arrival, found))
    return (one for one in found if _arrival(one) >= newest - length - _SLACK)


def _reports(place: Place, found: Sequence[Found]) -> dict[tuple[str, str], list[Told]]:
    told: dict[tuple[str, str], list[Told]] = {}
    for one, document in read_documents(place, found):
        if document.get("kind") == KIND and isinstance(document.get("report"), Mapping):
            try:
                report = Report.from_json(document["report"])
                end = int(document["end"])
            except (ValueError, KeyError, TypeError) as error:
                raise PlaceError(place.name, f"{one.path} has a report that cannot be read: {error}") from error
            told.setdefault(_who(one), []).append(Told(report, end, one.arrived))
    return told
