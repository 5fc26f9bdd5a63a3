"""How many alarms people are asked to bear at a time, over the whole gateway. Pure.

Time is that of reception: what matters is when people would hear of it, and assets may have clocks of their own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cloud_sink.records import Alert, Event
from flows.alarms.alarm import NORMAL, UNACKNOWLEDGED
from flows.alarms.settings import AlertSettings
from flows.errors import StateError

FLOOD = "alarm_flood"

_VERSION = 1
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Tick:
    """It is so late, ns since the epoch: a flood may be over without another word."""

    received_time: int


class FloodState:
    """Lets so many openings pass in so much time; the rest, and all that later happens to them, is held back.

    Held back = still a record, with all its evidence, but on the way of events instead of overtaking everything. A
    flood is an alert of its own, of the gateway: it opens with the first opening held back, and clears when no more
    opened within the period than may pass; the clearing tells which were held back, and how many.

    Attributes:
        settings: Of floods; others hold from the next record on.
    """

    def __init__(self, settings: AlertSettings) -> None:
        self.settings = settings
        self._now = 0
        self._passed: list[int] = []  # times of openings, ascending, none older than the period
        self._held: list[int] = []
        self._ids: dict[str, str] = {}  # of openings held back that are not over, by asset and alarm
        self._names: Counter[str] = Counter()  # of what this flood has held back
        self._since: int | None = None  # of the flood

    def push(self, records: Iterable[Alert | Event | Tick]) -> list[Alert | Event]:
        """Take in records in order of reception; hand them back, marked, and what there is to say of a flood."""
        out: list[Alert | Event] = []
        for record in records:
            if isinstance(record, Event):
                out.append(record)
                continue
            if isinstance(record, Tick) or not record.by:  # when a person asked says nothing: it may be long ago
                out += self._pass_time(record.received_time)
            if isinstance(record, Alert):
                out += self._take(record)
        return out

    def _take(self, alert: Alert) -> list[Alert | Event]:
        out: list[Alert | Event] = []
        name = f"{alert.asset} {alert.rule}"
        if alert.state == "opened" and self.settings.flood_limit:
            self._ids.pop(name, None)
            spared = self.settings.flood_spares_alarms and alert.severity == "alarm"
            if spared or len(self._passed) < self.settings.flood_limit:
                self._passed.append(self._now)
                return [alert]
            self._held.append(self._now)
            self._ids[name] = alert.alert_id
            self._names[name] += 1
            if self._since is None:
                self._since = self._now
                out.append(self._flood("opened", self._began()))
        if self._ids.get(name) != alert.alert_id:
            return [*out, alert]
        if alert.alarm_state == NORMAL:
            del self._ids[name]
        return [*out, replace(alert, held_back=True)]

    def _pass_time(self, received_time: int) -> list[Alert | Event]:
        behind = self._now - received_time
        if behind > self.settings.flood_ns:  # our clock was set back: waiting for it could hold back a year of alarms
            self._passed = [at - behind for at in self._passed]
            self._held = [at - behind for at in self._held]
            self._now = received_time
        self._now = max(self._now, received_time)
        horizon = self._now - self.settings.flood_ns
        if (self._passed and self._passed[0] <= horizon) or (self._held and self._held[0] <= horizon):
            self._passed = [at for at in self._passed if at > horizon]
            self._held = [at for at in self._held if at > horizon]
        if self._since is None or len(self._passed) + len(self._held) > self.settings.flood_limit:
            return []
        report = self._flood("cleared", self._report())
        self._since, self._names = None, Counter()
        return [report]

    def _began(self) -> str:
        limit, period = self.settings.flood_limit, self.settings.flood_ns / 60e9
        return f"More than {limit} alarms opened within {period:g} minutes: what opens on top is held back."

    def _report(self) -> str:
        named = [f"{name} ({count} times)" if count > 1 else name for name, count in self._names.most_common()]
        rest = len(named) - _MOST_NAMED
        more = [f"and {rest} more"] if rest > 0 else []
        return f"{self._names.total()} openings were held back: {', '.join(named[:_MOST_NAMED] + more)}."

    def _flood(self, state: str, detail: str) -> Alert:
        assert self._since is not None
        return Alert(
            asset="",
            rule=FLOOD,
            state=state,
            severity="warning",
            score=float(len(self._passed) + len(self._held)),
            threshold=float(self.settings.flood_limit),
            model="",
            opened_at=self._since,
            at=max(self._now, self._since + (state == "cleared")),  # also where our clock was set back
            received_time=self._now,
            detail=detail,
            alarm_state=UNACKNOWLEDGED if state == "opened" else NORMAL,
        )

    def snapshot(self) -> bytes:
        """JSON."""
        state = {
            "v": _VERSION,
            "now": self._now,
            "passed": self._passed,
            "held": self._held,
            "ids": self._ids,
            "names": dict(self._names),
            "since": self._since,
        }
        return json.dumps(state).encode()

    @classmethod
    def restore(cls, data: bytes, settings: AlertSettings) -> FloodState:
        """Inverse of `snapshot`.

        Raises:
            StateError: Another format, or damaged.
        """
        flood = cls(settings)
        try:
            state = json.loads(data)
            if state["v"] != _VERSION:
                raise StateError("flood", f"version {state['v']} where {_VERSION} is read")
            flood._now, flood._since = state["now"], state["since"]
            flood._passed, flood._held = list(state["passed"]), list(state["held"])
            flood._ids, flood._names = dict(state["ids"]), Counter(state["names"])
        except (ValueError, TypeError, KeyError) as error:
            raise StateError("flood", f"damaged ({error})") from error
        return flood
