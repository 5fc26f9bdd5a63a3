"""All immediate rules of one asset: blocks in, changes of conditions out. Pure: no clock, no I/O, no Bytewax."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from connectors.samples import Origin, SampleBatch
from connectors.tags import TagTable
from flows.column_buffer import ColumnBuffer
from flows.conditions import Change
from flows.durations import duration, to_ns
from flows.rules.arrivals import Arrivals, nothing
from flows.rules.bands import QuietBands
from flows.rules.belief import believed, usable_of
from flows.rules.clock import NEVER, Clock
from flows.rules.kinds import kind_of, watcher_of
from flows.rules.recent import Recent, read_recent
from flows.rules.rule import Rule
from flows.rules.settling import settle
from flows.rules.silence import SilenceWatcher
from flows.rules.snapshot import pack, unpack
from flows.rules.telling import ended, tell
from flows.rules.watcher import FOREVER, Move, Watcher

ALLOWED_SKEW = to_ns(duration("10s"))
_MOST_PENDING = 4096  # samples that are put off: 72 KiB an asset


class RuleState:
    """Which conditions hold on one asset.

    Every tag has a quiet band: the values that can turn no rule, given what holds now. A block whose good samples all
    lie in the bands of their tags costs two comparisons and a copy, whatever the number of rules; only what leaves a
    band is judged rule by rule, exactly and in order. How a stream is cut into blocks changes nothing but the evidence.
    """

    def __init__(self, rules: Sequence[Rule], tags: TagTable, *, allowed_skew_ns: int = ALLOWED_SKEW) -> None:
        """Nothing holds, and nothing was heard.

        Args:
            rules: Of one asset. A tag that the table does not have is one that never speaks.
            tags: Table of the asset. A block with another one changes it.
            allowed_skew_ns: A sample stamped further ahead of its reception is not looked at.

        Raises:
            ValueError: Two rules have one name.
        """
        twice = [name for name, count in Counter(rule.name for rule in rules).items() if count > 1]
        if twice:
            msg = f"names of rules must be unique within an asset, these are not: {', '.join(twice)}; give them a name"
            raise ValueError(msg)
        self._rules = tuple(rules)
        self._skew = allowed_skew_ns
        self._pending = ColumnBuffer()
        self._gone: list[str] = []  # conditions whose rule is configured no more; they end with the next event
        self._tags = tags
        self._watched = frozenset(name for rule in rules for name in rule.tags)
        self._recent = Recent(self._watched, tags, {})
        self._start({})

    def _start(self, active: Mapping[str, bool]) -> None:
        """Nothing was heard yet; the conditions that hold are given."""
        self._watchers = [watcher_of(rule) for rule in self._rules]
        for order, watcher in enumerate(self._watchers):
            watcher.order, watcher.active = order, active.get(watcher.name, False)
        self._silences = [one for one in self._watchers if isinstance(one, SilenceWatcher)]
        self._needs_time = any(watcher.needs_time for watcher in self._watchers)
        self._clock = Clock()
        self._adopt(self._tags)

    @property
    def active(self) -> tuple[str, ...]:
        """Names of the rules whose condition holds."""
        return tuple(one.name for one in self._watchers if one.active)

    def push(self, block: SampleBatch, latest_ns: int | None = None) -> list[Change]:
        """Judge a block of this asset; hand back what began and ended, in order of arrival.

        Live samples of good status with a finite value are judged; live ones of any status move event time on. What
        was replayed or read from a history is an old story: its good samples count as heard, and that is all.

        Args:
            block: Of the asset.
            latest_ns: Samples stamped after this are not looked at. None = those ahead of the reception by more than
                the allowed skew.
        """
        if block.tags is not self._tags:
            if block.tags != self._tags:
                self._settle()
                self._adopt(block.tags)
            self._tags = block.tags
        if not len(block):
            return []
        time, newest = believed(block, block.received_time + self._skew if latest_ns is None else latest_ns)
        if newest == NEVER:
            return []
        usable = usable_of(block, time)
        if block.origin is not Origin.LIVE:
            return self._hear(block, usable)
        changes = self._begin(time, block.received_time)
        tag, when, value = block.tag, time, block.value
        if usable is not None:
            tag, when, value = tag[usable], when[usable], value[usable]
        outside = self._bands.outside(tag, value)
        self._recent.put(tag, when, value)
        base = self._pending.size
        remembered = self._put_off(tag, when, value)
        left = np.logical_or.reduce(outside)
        if left or newest >= self._deadline:
            place = np.arange(len(block)) if usable is None else usable
            rows = place if remembered is None else place[remembered]
            passed = self._clock.trace(time) if self._needs_time else time
            arrivals = Arrivals(place, tag, when, value, passed, self._pending, base, rows)
            concerned = self._bands.concerned(tag[outside]) if left else set()
            changes += self._judge(concerned, newest, arrivals, block.received_time)
        self._clock.step(time, newest)
        if self._pending.size > _MOST_PENDING:
            self._settle()
        return changes

    def pass_time(self, now_ns: int, received_ns: int) -> list[Change]:
        """Nothing older than `now_ns` will come: event time has passed up to there. Silence and stuck may begin.

        Args:
            now_ns: End of an idle notice.
            received_ns: When that was known; becomes `Change.received_time`.
        """
        changes = self._begin(np.array([now_ns]), received_ns)
        passed = self._clock.jump(now_ns)
        if self._clock.newest >= self._deadline:
            changes += self._judge(set(), self._clock.newest, nothing(self._pending, passed), received_ns)
        return changes

    def restart_time(self) -> None:
        """A clock was set for good: what holds still holds, but no sample before is compared with one after it."""
        self._pending = ColumnBuffer()
        self._recent = Recent(self._watched, self._tags, {})
        self._start({one.name: one.active for one in self._watchers})

    def snapshot(self) -> bytes:
        """The state in a format of ours; rules and tags stand in it by name."""
        self._settle()
        head = {
            "newest": self._clock.newest,
            "passed": self._clock.passed,
            "gone": self._gone,
            "rules": [[rule.name, kind_of(rule), list(rule.tags)] for rule in self._rules],
        }
        return pack(head, [*(one.dump() for one in self._watchers), self._recent.dump()])

    @classmethod
    def restore(
        cls, data: bytes, rules: Sequence[Rule], tags: TagTable, *, allowed_skew_ns: int = ALLOWED_SKEW
    ) -> RuleState:
        """Inverse of `snapshot`, for the rules and tags as they are now.

        A rule of the same name, kind and tags goes on, judged by its new values from the next sample on. Others start
        fresh. The conditions of rules that are gone end with the next event.

        Raises:
            StateError: Another format, or cut short.
            ValueError: Two rules have one name.
        """
        head, kept = unpack(data)
        state = cls(rules, tags, allowed_skew_ns=allowed_skew_ns)
        state._clock = Clock(head["newest"], head["passed"])
        state._gone = list(head["gone"])
        known = {(rule.name, kind_of(rule), rule.tags): one for rule, one in zip(rules, state._watchers, strict=True)}
        for (name, kind, names), one in zip(head["rules"], kept, strict=False):  # what came last stands behind them
            watcher = known.get((name, kind, tuple(names)))
            if watcher is not None:
                watcher.load(one)
            elif one["active"]:
                state._gone.append(name)
        for last in kept[len(head["rules"]) :]:  # not in what an earlier version wrote
            state._recent = Recent(state._watched, tags, read_recent(last))
        state._adopt(tags)
        return state

    def _adopt(self, tags: TagTable) -> None:
        """Go on with this table. Nothing is put off."""
        self._tags = tags
        self._recent = Recent(self._watched, tags, self._recent.by_tag())
        self._bands = QuietBands(self._watchers, tags)
        self._plan()

    def _begin(self, time: NDArray[np.int64], received: int) -> list[Change]:
        """What only the next event can do: silence counts from the first one on, gone conditions end."""
        if self._unheard:
            first = int(time[(time != NEVER).argmax()])
            for silence in self._unheard:
                silence.begin(first)
            self._plan()
        if not self._gone:
            return []
        at = int(time[(time != NEVER).argmax()]) if self._clock.newest == NEVER else self._clock.newest
        changes = [ended(name, at, received) for name in self._gone]
        self._gone = []
        return changes

    def _put_off(
        self, tag: NDArray[np.uint16], time: NDArray[np.int64], value: NDArray[np.float64]
    ) -> NDArray[np.bool_] | None:
        """Keep the samples of remembered tags until they are needed; returns which those are, None = all."""
        if self._bands.all_remembered:
            self._pending.append(tag, time, value)
            return None
        remembered: NDArray[np.bool_] = self._bands.remembered[tag]
        if not self._bands.none_remembered:
            self._pending.append(tag[remembered], time[remembered], value[remembered])
        return remembered

    def _judge(self, concerned: set[Watcher], newest: int, arrivals: Arrivals, received: int) -> list[Change]:
        """What these rules say, and those whose deadline has come."""
        moves: list[tuple[Watcher, Move]] = []
        touched: set[int] = set()
        with np.errstate(over="ignore"):
            for watcher in self._watchers:
                if watcher in concerned or watcher.deadline <= newest:
                    moves += [(watcher, move) for move in watcher.judge(arrivals)]
                    touched.update(watcher.numbers)
        self._bands.renew(touched)
        self._plan()
        return tell(moves, self._tags, received, arrivals, self._recent) if moves else []

    def _hear(self, block: SampleBatch, usable: NDArray[np.int64] | None) -> list[Change]:
        """A tag that spoke while we could not listen is not silent. Nothing else is judged, no time passes."""
        place = np.arange(len(block)) if usable is None else usable
        tag, time = block.tag[place], block.source_time[place]
        passed = np.full(len(block), self._clock.passed)
        moves: list[tuple[Watcher, Move]] = []
        for silence in self._silences:
            own = tag == silence.numbers[0]
            if own.any():
                moves += [(silence, move) for move in silence.hear(place[own], time[own], passed)]
        self._bands.renew(number for silence in self._silences for number in silence.numbers)
        self._plan()
        return tell(moves, self._tags, block.received_time)

    def _settle(self) -> None:
        """Let the rules take in what was put off: they keep less of it."""
        if self._pending.size:
            settle(self._pending, self._bands)
            for watcher in self._watchers:
                watcher.start = 0
            self._pending = ColumnBuffer()
            self._plan()

    def _plan(self) -> None:
        self._deadline = min((one.deadline for one in self._watchers), default=FOREVER)
        self._unheard = [one for one in self._silences if not one.started]
