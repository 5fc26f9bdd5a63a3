"""All alarms of one asset side by side: whose turn it is, which silences which, what the calendar says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cloud_sink.records import Alert
from flows.alarms.alarm import Alarm
from flows.alarms.alarm_json import from_json, to_json
from flows.alarms.behaviour import Behaviour
from flows.alarms.cause import Cause
from flows.alarms.maintenance import Maintenance
from flows.alarms.occasion import Occasion

NEVER = 2**62


@dataclass(slots=True)
class Panel:
    """The alarms of one asset. Every method hands back the records of the transitions made, in order.

    Attributes:
        asset: The machine.
        calendar: Its maintenance.
        in_maintenance: As of the last look.
        due: Event time at which something happens by itself; before the first look: at once.
    """

    asset: str
    calendar: Maintenance
    in_maintenance: bool = False
    due: int = -NEVER
    _boundary: int = -NEVER  # when the calendar has to be looked at again
    _alarms: dict[str, Alarm] = field(default_factory=dict)
    _silenced: list[Alarm] = field(default_factory=list)  # those that others may suppress
    _silencing: set[str] = field(default_factory=set)

    def names(self) -> list[str]:
        """Of the alarms, in order."""
        return sorted(self._alarms)

    def add(self, name: str, behaviour: Behaviour, state: Mapping[str, Any] | None = None) -> None:
        """Watch over one more; `state` = as `to_json` gave it."""
        if state is None:
            alarm = Alarm(self.asset, name, behaviour, out_of_service=self.in_maintenance)
        else:
            alarm = from_json(self.asset, name, behaviour, dict(state))
        self._alarms[name] = alarm
        if behaviour.suppressed_by:
            self._silenced.append(alarm)
            self._silencing.update(behaviour.suppressed_by)
        self._next()

    def retire(self, name: str, occasion: Occasion) -> list[Alert]:
        """Nothing makes its condition any more."""
        alarm = self._alarms.pop(name)
        self._silenced = [one for one in self._silenced if one is not alarm]
        return alarm.retire(occasion) + self._settled(occasion)

    def change(self, causes: Iterable[Cause]) -> list[Alert]:
        """Conditions began or ended; in order of time, and of those at one time first what silences others."""
        out: list[Alert] = []
        ordered = sorted(causes, key=lambda cause: (cause.change.at, cause.change.alarm not in self._silencing))
        for cause in ordered:
            change = cause.change
            if self.due <= change.at:
                out += self.pass_time(change.at, change.received_time)
            out += self._alarms[change.alarm].change(cause)
            out += self._settled(Occasion(change.at, change.received_time))
        return out

    def pass_time(self, now: int, received_time: int) -> list[Alert]:
        """It is `now`, event time of the asset."""
        out: list[Alert] = []
        while self.due <= now:
            if self._boundary <= self.due:
                out += self._look(now, received_time)
            else:
                alarm = min(self._alarms.values(), key=lambda one: (NEVER if one.due is None else one.due, one.name))
                occasion = Occasion(self.due, received_time)
                out += alarm.pass_time(self.due, received_time)
                out += self._settled(occasion)
        return out

    def shift(self, by_ns: int) -> None:
        """Event time goes on so much later, or earlier: a clock was set. What waits, waits as long as it would have."""
        for alarm in self._alarms.values():
            alarm.shift(by_ns)
        self._boundary = -NEVER
        self._next()

    def ask(self, name: str | None, wish: Callable[[Alarm], list[Alert]]) -> list[Alert]:
        """Do what a person asks to one alarm, None = to all. Nothing where there is no such alarm."""
        names = self.names() if name is None else [name] if name in self._alarms else []
        out = [alert for one in names for alert in wish(self._alarms[one])]
        self._next()
        return out

    def _look(self, now: int, received_time: int) -> list[Alert]:
        """Ask the calendar. Maintenance that began and ended since nothing was heard concerned nobody."""
        look = self.calendar.look(now)
        self._boundary = NEVER if look.until is None else look.until
        out: list[Alert] = []
        if look.on != self.in_maintenance:
            self.in_maintenance = look.on
            occasion = Occasion(look.since, received_time, detail="Maintenance." if look.on else "Maintenance is over.")
            out = [alert for name in self.names() for alert in self._alarms[name].serve(occasion, on=not look.on)]
        self._next()
        return out

    def _settled(self, occasion: Occasion) -> list[Alert]:
        """What is active may silence others, or not any more."""
        out: list[Alert] = []
        for alarm in self._silenced:
            active = [name for name in alarm.behaviour.suppressed_by if self._is_active(name)]
            if bool(active) != alarm.suppressed:
                detail = f"{', '.join(active)} is active." if active else "What suppressed it is over."
                why = Occasion(occasion.at, occasion.received_time, detail=detail)
                out += alarm.suppress(why, on=bool(active))
        self._next()
        return out

    def _is_active(self, name: str) -> bool:
        return name in self._alarms and self._alarms[name].active

    def _next(self) -> None:
        dues = [due for alarm in self._alarms.values() if (due := alarm.due) is not None]
        self.due = min(self._boundary, *dues) if dues else self._boundary

    def to_json(self) -> dict[str, Any]:
        """States of the alarms by name."""
        return {name: to_json(alarm) for name, alarm in self._alarms.items()}
