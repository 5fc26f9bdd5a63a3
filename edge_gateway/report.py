"""Once an hour a gateway says how it is, so that whoever watches many sees which are well, and which are gone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from cloud_sink.alarms import AlarmReader
from cloud_sink.alert_decoding import NORMAL
from cloud_sink.errors import OutboxError
from cloud_sink.records import Account, Event
from cloud_sink.report import KIND, Report
from edge_gateway import __version__
from models.served import Served

Status = Mapping[str, Any]

FIRST_AFTER_S = 60.0  # by then a start has shown what it is worth
_UNANSWERED = {"UNACK", "RTNUN"}


class Reporter:
    """Makes a report when it is due; `pass_over` is called in every pass of the flow."""

    def __init__(
        self,
        every: timedelta,
        make: Callable[[int, int], Report],
        tell: Callable[[Sequence[Event]], bool],
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Describe it.

        Args:
            every: From one to the next.
            make: Of seconds since the start, and seconds to the next one.
            tell: Puts it into the outbox; False = it cannot yet.
            clock: Wall clock, ns.
            monotonic: Steady clock, s.
        """
        self._every_s = every.total_seconds()
        self._make = make
        self._tell = tell
        self._clock = clock
        self._monotonic = monotonic
        self._began = monotonic()
        self._due = self._began + min(FIRST_AFTER_S, self._every_s)
        self._since = clock()

    def pass_over(self) -> None:
        """Report, if it is time."""
        now = self._monotonic()
        if now < self._due:
            return
        report = self._make(int(now - self._began), int(self._every_s))
        end = self._clock()
        event = Event("", KIND, "regular", self._since, end, 0, report.gateway_id, told(report), report)
        if self._tell([event]):
            self._due, self._since = now + self._every_s, end


def told(report: Report) -> str:
    """One sentence for people."""
    waiting = sum(records for _, records, _ in report.backlog)
    return f"{report.alarms} alarms, {waiting} records waiting, {report.late} late samples; version {report.software}."


def make_report(
    who: tuple[str, str],
    times: tuple[int, int],
    accounts: Iterable[Account],
    acquire: Status,
    deliver: Status,
    served: Iterable[Sequence[Served]],
    drift: Mapping[str, Sequence[Mapping[str, Any]]],
    alarms: tuple[int, int],
    now: int,
) -> Report:
    """Put together what the three processes know. Counts only: no value, no name of a tag.

    Args:
        who: Id of the gateway, boot of the machine.
        times: Seconds since the start, seconds to the next report.
        accounts: The books of each asset.
        acquire: Status of that process; {} = unknown.
        deliver: The same.
        served: The models of each asset.
        drift: How assets stand, by model.
        alarms: Not normal, and of them those that nobody acknowledged.
        now: Wall clock, ns.
    """
    books = list(accounts)
    models = Counter((one.scorer.model, "shadow" if one.shadow else "active") for each in served for one in each)
    return Report(
        __version__,
        *who,
        *times,
        received=sum(book.received for book in books),
        late=sum(book.late for book in books),
        alarms=alarms[0],
        unanswered=alarms[1],
        models=tuple((model, role, count) for (model, role), count in sorted(models.items())),
        drift=tuple(
            (model, count)
            for model, assets in sorted(drift.items())
            if (count := sum(one["state"] != "none" for one in assets))
        ),
        drops=tuple(_drops(books, acquire, deliver)),
        backlog=tuple(
            (lane, int(one["records"]), max(0, now - int(one["oldest"])) // 10**9)
            for lane, one in deliver.get("backlog", {}).items()
            if one["records"]
        ),
        trouble=tuple(sorted({one["trouble"] for one in deliver.get("targets", {}).values() if one["trouble"]})),
    )


def _drops(books: Sequence[Account], acquire: Status, deliver: Status) -> Iterable[tuple[str, str, int]]:
    reasons: Counter[str] = Counter()
    for book in books:
        reasons.update(dict(book.dropped))
    full = int(acquire.get("dropped", 0))
    yield from [("intake", "full", full)] if full else []
    yield from (("flow", reason, count) for reason, count in sorted(reasons.items()) if count)
    yield from (("outbox", reason, int(count)) for reason, count in sorted(deliver.get("losses", {}).items()) if count)


def count_alarms(outbox: Path) -> tuple[int, int]:
    """Not normal, and of them those that nobody acknowledged, by the alarm history; (0, 0) where there is none."""
    try:
        with AlarmReader(outbox) as reader:
            states = [alarm.state for alarm in reader.now()]
    except OutboxError:
        return 0, 0
    return sum(state != NORMAL for state in states), sum(state in _UNANSWERED for state in states)
