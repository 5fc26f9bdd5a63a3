"""The alarms of one asset: what is pushed in, what is to be told. Pure: no clock, no I/O, no Bytewax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloud_sink.records import Alert, Event, alert_id
from connectors.samples import REMOVED, Item, Notice, NoticeKind, Origin, SampleBatch
from flows.alarms.alarm import Alarm
from flows.alarms.behaviour import behaviour_of, behaviour_of_scores
from flows.alarms.cause import Cause
from flows.alarms.command import ACKNOWLEDGE, ALL, RESET, SHELVE, Command, read_command
from flows.alarms.curves import with_curves_of
from flows.alarms.event_time import EventTime
from flows.alarms.judges import Judges
from flows.alarms.kept import dump, load
from flows.alarms.occasion import Occasion
from flows.alarms.order import in_order
from flows.alarms.panel import Panel
from flows.alarms.setup import AlarmSetup
from flows.alarms.watch import Watch
from flows.blocks import ScoredBlock
from flows.clock_guard import ClockGuard
from flows.conditions import Change


class AssetAlarms:
    """The alarms of one asset, from its rules, its scores, and what people ask.

    Samples and idle notices alone move event time, no wall clock does: a replay, a stall or a restart tells the same
    story under the same keys.
    """

    def __init__(self, setup: AlarmSetup) -> None:
        self._setup = setup
        self._resume: bytes | None = None  # until the first item tells the asset
        self._panel: Panel | None = None
        self._judges = Judges(setup.alerts)
        self._watch: Watch | None = None  # None = no rules
        self._severities: dict[str, str] = {}  # of their alarms
        self._time = EventTime(setup.windows)
        self._made_of: tuple[object, ...] = ()  # see `AlarmSetup.of`

    def push(self, values: Sequence[Item | ScoredBlock]) -> list[Alert | Event]:
        """Take in what a pass brought of this asset: blocks, notices, scored windows."""
        out: list[Alert | Event] = []
        if self._setup.latest is not None and (setup := self._setup.now) is not self._setup:
            self._renew(values[0].asset, setup)
        if self._panel is None:
            self._begin(values[0].asset, out)
        for value in values if len(values) == 1 else in_order(values, self._time, self._setup.windows):
            panel = self._panel or self._begin(value.asset, out)
            if isinstance(value, ScoredBlock):
                out += self._take_scores(panel, value)
                received = value.decided_received
            elif isinstance(value, Notice):
                out += self._heed(panel, value)
                received = value.start if value.kind is NoticeKind.COMMAND else value.end
            else:
                out += self._take(panel, value)
                received = value.received_time
            if panel.due <= self._time.now:
                out += panel.pass_time(self._time.now, received)
        return out

    def _take(self, panel: Panel, block: SampleBatch) -> list[Alert]:
        if len(block) and block.origin is not Origin.BACKFILLED:  # that says nothing about now
            shift = self._time.take(block)
            if shift:
                panel.shift(shift)
                if self._watch is not None:
                    self._watch.restart_time()
        if self._watch is None:
            return []
        changes = self._watch.push(block, self._time.guard.limit(block.received_time))
        return panel.change(self._causes(changes)) if changes else []

    def _causes(self, changes: list[Change]) -> list[Cause]:
        """As alarms want them; those of rules that are gone have no alarm any more."""
        known = self._severities
        points = self._setup.alerts.evidence_points
        causes = (Cause(change, known[change.alarm]) for change in changes if change.alarm in known)
        return [with_curves_of(points, cause) for cause in causes]

    def _take_scores(self, panel: Panel, block: ScoredBlock) -> list[Alert]:
        causes = self._judges.push(block)
        if block.active:
            for name in sorted(self._judges.names.difference(panel.names())):
                panel.add(name, behaviour_of_scores(self._setup.alerts))
        return panel.change(causes) if causes else []

    def _heed(self, panel: Panel, notice: Notice) -> list[Alert | Event]:
        out: list[Alert | Event] = []
        if notice.kind is NoticeKind.COMMAND:
            out += self._command(panel, notice)
        elif notice.kind is NoticeKind.IDLE:
            self._time.idle(notice)
            if self._watch is not None and (changes := self._watch.pass_time(self._time.now, notice.end)):
                out += panel.change(self._causes(changes))
        elif notice.reason == REMOVED:
            out += self._end(panel, notice)
        return out

    def _end(self, panel: Panel, notice: Notice) -> list[Alert]:
        """Nobody acquires the asset any more. Should it come back, it begins anew."""
        over = Occasion(self._time.now, notice.end, detail="Nothing is acquired of this asset any more.")
        out = [alert for name in panel.names() for alert in panel.retire(name, over)]
        self._panel, self._watch, self._severities = None, None, {}
        self._judges = Judges(self._setup.alerts)
        return out

    def _renew(self, asset: str, setup: AlarmSetup) -> None:
        """Go on with other rules, levels and calendar as after a restart, if any of them concerns this asset."""
        if self._panel is not None and setup.of(asset) != self._made_of:
            self._resume, self._panel, self._watch = self.snapshot(), None, None
            self._severities = {}
        self._setup = setup

    def _command(self, panel: Panel, notice: Notice) -> list[Alert] | list[Event]:
        try:
            command = read_command(notice)
        except ValueError as error:
            return [_in_vain(notice, "refused", f"{error}.")]
        done = self._obey(panel, command)
        if done:
            return done
        which = "no alarm" if command.alarm == ALL else repr(command.alarm)
        detail = f"{command.what} of {which}: there is nothing to do." if command.alarm != ALL else "Nothing to do."
        return [_in_vain(notice, "nothing_to_do", detail)]

    def _obey(self, panel: Panel, command: Command) -> list[Alert]:
        at = command.asked_at - self._time.behind
        asked = Occasion(at, command.asked_at, command.by, command.comment)

        def wish(alarm: Alarm) -> list[Alert]:
            if command.what in (ACKNOWLEDGE, RESET):
                if not _is_meant(alarm, command):
                    return []
                return alarm.acknowledge(asked) if command.what == ACKNOWLEDGE else alarm.reset(asked)
            if command.what == SHELVE:
                return alarm.shelve(asked, at + command.lasts)
            return alarm.unshelve(asked)

        return panel.ask(None if command.alarm == ALL else command.alarm, wish)

    def _begin(self, asset: str, out: list[Alert | Event]) -> Panel:
        """The first item: go on from what was kept, with the rules and the calendar as they are now."""
        kept = load(self._resume) if self._resume is not None else None
        self._resume = None
        watched = self._setup.rules(asset)
        self._made_of = self._setup.of(asset)
        panel = self._panel = Panel(asset, self._setup.maintenance(asset))
        states: dict[str, Any] = {}
        if kept is not None:
            states = kept.alarms
            timing = self._setup.windows
            guard = None if kept.clock is None else ClockGuard.from_json(timing, kept.clock)
            self._time = EventTime(timing, kept.now, kept.behind, guard)
            panel.in_maintenance = kept.in_maintenance
            self._judges = Judges.from_json(self._setup.alerts, kept.judges)
        else:
            self._judges = Judges(self._setup.alerts)
        if watched is not None:
            self._watch = watched.start(kept.watch if kept is not None else b"")
            self._severities = {name: settings.severity for name, settings in watched.alarms.items()}
            for name, settings in watched.alarms.items():
                behaviour = behaviour_of(settings, self._setup.alerts, watched.tags.get(name, ""))
                panel.add(name, behaviour, states.get(name))
        over = Occasion(self._time.now, self._time.now + self._time.behind, detail="There is no such rule any more.")
        for name in sorted(states.keys() - self._severities.keys()):
            panel.add(name, behaviour_of_scores(self._setup.alerts), states[name])
            if name not in self._judges.names:
                out += panel.retire(name, over)
        if kept is not None:
            out += panel.pass_time(self._time.now, over.received_time)  # to know when the calendar has to be asked next
        return panel

    def snapshot(self) -> bytes:
        """The state in a format of ours; see `flows.alarms.kept`."""
        if self._resume is not None:
            return self._resume
        return dump(
            now=self._time.now,
            behind=self._time.behind,
            clock=self._time.guard.to_json(),
            in_maintenance=self._panel is not None and self._panel.in_maintenance,
            alarms={} if self._panel is None else self._panel.to_json(),
            judges=self._judges.to_json(),
            watch=b"" if self._watch is None else self._watch.snapshot(),
        )

    @classmethod
    def restore(cls, data: bytes, setup: AlarmSetup) -> AssetAlarms:
        """Inverse of `snapshot`; what is open stays open whatever the settings are now.

        Raises:
            StateError: Another format, or damaged.
        """
        load(data)  # so that damage is told at the start, not at the first item
        alarms = cls(setup)
        alarms._resume = data
        return alarms


def _is_meant(alarm: Alarm, command: Command) -> bool:
    """Whether this opening was asked about: not one that came later, which nobody had seen."""
    opening = alarm.opening
    if opening is None:
        return False
    if command.alert:
        return alert_id(alarm.asset, alarm.name, opening.at) == command.alert
    return opening.received <= command.asked_at


def _in_vain(notice: Notice, reason: str, detail: str) -> Event:
    """A wish that changed nothing is a record too: whoever asked will look for what came of it."""
    return Event(notice.asset, "command", reason, notice.start, notice.start, 0, notice.source, detail)
