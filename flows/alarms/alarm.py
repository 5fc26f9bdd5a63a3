"""One alarm as ANSI/ISA-18.2 (IEC 62682) knows it: a state machine on event time. Pure: no clock, no I/O.

What is true and what is told are two things. The condition may come and go while the alarm is shelved, suppressed,
flapping or out of service: nothing opens then, and what is still true afterwards is told afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cloud_sink.records import Alert
from flows.alarms.behaviour import Behaviour
from flows.alarms.cause import NAN, Cause
from flows.alarms.occasion import Occasion, Opening

NORMAL, UNACKNOWLEDGED, ACKNOWLEDGED, RETURNED = "NORM", "UNACK", "ACKED", "RTNUN"
SHELVED, SUPPRESSED, OUT_OF_SERVICE = "SHLVD", "DSUPR", "OOSRV"


@dataclass(slots=True)
class Alarm:
    """One alarm of one asset. Every method hands back the records of the transitions it made.

    Times of transitions rise strictly: one that would stand at or before the last stands 1 ns after it. So no two
    records of an alarm share a key, whatever the order in which samples, windows and people speak.

    Attributes:
        asset: The machine.
        name: Unique within the asset.
        behaviour: As configured now; no part of the state, as the names are none.
        condition: As last told.
        since: When it changed, while its delay is not over; None = nothing waits.
        active: The condition behind its delays.
        moved_at: When `active` last changed.
        cause: Why the condition last began; None where it never did.
        ending: Why it last ended.
        opening: Which later transitions belong to; None = the alarm is normal.
        told_at: Of the last transition.
        shelved_until: None = it is not shelved.
        suppressed: Another alarm is active.
        flapping: Held until it is calm.
        out_of_service: Maintenance.
        opened: Event times of the last openings, ascending, as many as decide on flapping.
    """

    asset: str
    name: str
    behaviour: Behaviour
    condition: bool = False
    since: int | None = None
    active: bool = False
    moved_at: int = 0
    cause: Cause | None = None
    ending: Cause | None = None
    opening: Opening | None = None
    told_at: int = 0
    shelved_until: int | None = None
    suppressed: bool = False
    flapping: bool = False
    out_of_service: bool = False
    opened: list[int] = field(default_factory=list)

    @property
    def state(self) -> str:
        """ISA-18.2 code; of several reasons to be silent the strongest."""
        if self.out_of_service:
            return OUT_OF_SERVICE
        if self.suppressed or self.flapping:
            return SUPPRESSED
        if self.shelved_until is not None:
            return SHELVED
        if self.opening is None:
            return NORMAL
        if self.opening.cleared:
            return RETURNED
        return ACKNOWLEDGED if self.opening.acknowledged else UNACKNOWLEDGED

    @property
    def due(self) -> int | None:
        """Event time at which something happens by itself; None = nothing will."""
        return min(self._timers(), default=None)

    def change(self, cause: Cause) -> list[Alert]:
        """The condition began or ended."""
        change = cause.change
        out = self.pass_time(change.at, change.received_time)
        if change.active == self.condition:
            return out
        self.condition = change.active
        if change.active:
            self.cause = cause
        else:
            self.ending = cause
        self.since = None if self.condition == self.active else change.at
        if self.since is not None and not self._delay():
            out += self._settle(Occasion(change.at, change.received_time))
        return out

    def pass_time(self, now: int, received_time: int) -> list[Alert]:
        """It is `now`, event time of the asset, as something received then says: delays and shelvings may be over."""
        out: list[Alert] = []
        while (due := self.due) is not None and due <= now:
            if self.since is not None and self.since + self._delay() <= due:
                out += self._settle(Occasion(due, received_time))
            elif self.shelved_until is not None and self.shelved_until <= due:
                out += self.unshelve(Occasion(due, received_time, detail="The time it was shelved for is over."))
            else:
                self.flapping = False
                detail = f"It has been calm for {_minutes(self.behaviour.flapping_ns)}."
                out += self._tell_again("unsuppressed", Occasion(due, received_time, detail=detail))
        return out

    def acknowledge(self, asked: Occasion) -> list[Alert]:
        """A person has taken note. Nothing where nothing waits for that."""
        if self.opening is None or self.opening.acknowledged:
            return []
        self.opening.acknowledged = True
        return [self._tell("acknowledged", asked, over=self.opening.cleared)]

    def reset(self, asked: Occasion) -> list[Alert]:
        """End a latched opening whose condition is over; nothing otherwise."""
        if self.opening is None or self.opening.cleared or self.active or self.condition:
            return []
        return [self._tell("reset", asked, over=True)]

    def shelve(self, asked: Occasion, until: int) -> list[Alert]:
        """Silent until `until`, event time, which must be after `asked.at`. Again: until then instead."""
        self.shelved_until = until
        return [self._tell("shelved", asked)]

    def unshelve(self, asked: Occasion) -> list[Alert]:
        """Not silent any more; nothing where it was not shelved."""
        if self.shelved_until is None:
            return []
        self.shelved_until = None
        return self._tell_again("unshelved", asked)

    def suppress(self, occasion: Occasion, *, on: bool) -> list[Alert]:
        """Silent by design while another alarm is active."""
        if on == self.suppressed:
            return []
        self.suppressed = on
        return [self._tell("suppressed", occasion)] if on else self._tell_again("unsuppressed", occasion)

    def serve(self, occasion: Occasion, *, on: bool) -> list[Alert]:
        """In service, or out of it for maintenance."""
        if on != self.out_of_service:
            return []
        self.out_of_service = not on
        return self._tell_again("in_service", occasion) if on else [self._tell("out_of_service", occasion)]

    def shift(self, by_ns: int) -> None:
        """Event time was set; times that were told stay, or those told next would not come after them."""
        self.since = None if self.since is None else self.since + by_ns
        self.shelved_until = None if self.shelved_until is None else self.shelved_until + by_ns
        self.moved_at += by_ns
        self.opened = [at + by_ns for at in self.opened]

    def retire(self, occasion: Occasion) -> list[Alert]:
        """What makes its condition is no more: it ends, whatever it waits for."""
        self.condition = self.active = self.flapping = self.suppressed = self.out_of_service = False
        self.since = self.shelved_until = None
        if self.opening is None:
            return []
        return [self._tell("reset" if self.opening.cleared else "cleared", occasion, over=True)]

    def _timers(self) -> Iterator[int]:
        if self.since is not None:
            yield self.since + self._delay()
        if self.shelved_until is not None:
            yield self.shelved_until
        if self.flapping:
            yield self.moved_at + self.behaviour.flapping_ns

    def _delay(self) -> int:
        return self.behaviour.on_delay_ns if self.condition else self.behaviour.off_delay_ns

    def _silent(self) -> bool:
        return self.out_of_service or self.suppressed or self.flapping or self.shelved_until is not None

    def _settle(self, occasion: Occasion) -> list[Alert]:
        """The delay is over: the condition counts."""
        self.since, self.active = None, self.condition
        self.moved_at = max(self.moved_at, occasion.at)
        if self.active:
            return self._open(occasion)
        if self.opening is None or self.opening.cleared or self.behaviour.latch:
            return []
        self.opening.cleared = True
        return [self._tell("cleared", occasion, self.ending, over=self.opening.acknowledged)]

    def _open(self, occasion: Occasion) -> list[Alert]:
        cause = self.cause
        if self._silent() or cause is None or (self.opening is not None and not self.opening.cleared):
            return []
        limit = self.behaviour.flapping_limit
        if self.behaviour.flaps(self.opened, occasion.at):
            self.flapping = True
            period = _minutes(self.behaviour.flapping_ns)
            detail = f"Flapping: it opened {limit} times within {period}. It is held until it is calm."
            held = self._tell("suppressed", Occasion(occasion.at, occasion.received_time, detail=detail))
            self.moved_at = max(self.moved_at, *self.opened)  # no earlier than any, or it would be held for ever
            return [held]
        self.opening = Opening(max(occasion.at, self.told_at + 1), cause.severity, cause.model, occasion.received_time)
        if limit:
            self.opened = sorted([*self.opened, occasion.at])[-limit:]
        self.cause = cause.without_evidence()
        return [self._tell("opened", occasion, cause)]

    def _tell_again(self, what: str, occasion: Occasion) -> list[Alert]:
        """One reason to be silent is gone. If it was the last, what is true is told, also to who had acknowledged."""
        if self._silent() or not self.active:
            return [self._tell(what, occasion)]
        if self.opening is not None and not self.opening.cleared:
            self.opening.acknowledged = False
        return [self._tell(what, occasion), *self._open(occasion)]

    def _tell(self, what: str, occasion: Occasion, cause: Cause | None = None, *, over: bool = False) -> Alert:
        """The record of a transition; `over` = it is the last of its opening."""
        opening, change, opened = self.opening, cause and cause.change, what == "opened"
        if over:
            self.opening = None
        self.told_at = max(occasion.at, self.told_at + 1)
        return Alert(
            asset=self.asset,
            rule=self.name,
            state=what,
            severity=opening.severity if opening else self.behaviour.severity,
            score=change.value if change else NAN,
            threshold=change.limit if change else NAN,
            model=opening.model if opening else "",
            opened_at=opening.at if opening else 0,
            at=self.told_at,
            received_time=occasion.received_time,
            contributions=cause.contributions if cause and opened else (),
            detail=change.detail if change else occasion.detail,
            tag=self.behaviour.tag,
            alarm_state=self.state,
            by=occasion.by,
            comment=occasion.comment,
            evidence=change.evidence if change and opened else None,
        )


def _minutes(ns: int) -> str:
    return f"{ns / 60e9:g} minutes"
