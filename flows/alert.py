"""The alert operator: samples, what people ask, and scored windows in; the transitions of alarms out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream, StatefulBatchLogic
from typing_extensions import override

from cloud_sink.records import Alert, Event
from connectors.samples import Item, Notice, NoticeKind, SampleBatch
from flows.alarms import AlarmSetup, AlertSettings, AssetAlarms, FloodState, Tick
from flows.alarms.rules import watched
from flows.blocks import ScoredBlock
from flows.gateway import Gateway
from flows.timing import Timing

__all__ = ["AlarmSetup", "AlertSettings", "alarm_setup", "alert"]

_GATEWAY = "gateway"  # the one key of the flood limit; it keys the recovery state
_TICK_NS = 60 * 10**9


class _AlarmLogic(StatefulBatchLogic[Item | ScoredBlock, Alert | Event | Tick, bytes]):
    def __init__(self, setup: AlarmSetup, resume_state: bytes | None) -> None:
        setup = setup.now
        self._state = AssetAlarms(setup) if resume_state is None else AssetAlarms.restore(resume_state, setup)
        self._minute = 0

    @override
    def on_batch(self, values: list[Item | ScoredBlock]) -> tuple[Iterable[Alert | Event | Tick], bool]:
        out: list[Alert | Event | Tick] = [*self._state.push(values)]
        received = _received(values[0])
        if received and received // _TICK_NS != self._minute:  # it goes back where our clock is set back
            self._minute = received // _TICK_NS
            out.append(Tick(received))
        return out, self.RETAIN

    @override
    def snapshot(self) -> bytes:
        return self._state.snapshot()


class _FloodLogic(StatefulBatchLogic[Alert | Event | Tick, Alert | Event, bytes]):
    def __init__(self, setup: AlarmSetup, resume_state: bytes | None) -> None:
        self._setup, settings = setup, setup.now.alerts
        self._state = FloodState(settings) if resume_state is None else FloodState.restore(resume_state, settings)

    @override
    def on_batch(self, values: list[Alert | Event | Tick]) -> tuple[Iterable[Alert | Event], bool]:
        self._state.settings = self._setup.now.alerts
        # A pass brings asset by asset: put in order of reception, what is held back hardly depends on its size
        return self._state.push(sorted(values, key=_reception)), self.RETAIN

    @override
    def snapshot(self) -> bytes:
        return self._state.snapshot()


@operator
def alert(
    step_id: str,  # noqa: ARG001
    samples: KeyedStream[Item],
    scores: KeyedStream[ScoredBlock],
    setup: AlarmSetup,
) -> KeyedStream[Alert | Event]:
    """The alarms of every asset, and the flood limit over all of them: two stateful steps, the second at a low rate.

    Args:
        step_id: Keys the recovery state: renaming it forgets which alarms are open, acknowledged, shelved.
        samples: Blocks and notices keyed by asset: immediate rules judge them, event time and commands are in them.
        scores: Scored windows of the same source, keyed by asset.
        setup: Levels, limits, rules, maintenance.

    Returns:
        Transitions, keyed by asset ("" = of the gateway: a flood), and commands that changed nothing as events.
    """
    both: KeyedStream[Any] = op.merge("together", samples, scores)
    told = op.stateful_batch("state", both, lambda resume_state: _AlarmLogic(setup, resume_state))
    gathered = op.flat_map_batch("gather", told, lambda items: [(_GATEWAY, record) for _, record in items])
    passed = op.stateful_batch("flood", gathered, lambda resume_state: _FloodLogic(setup, resume_state))
    return op.flat_map_batch("spread", passed, lambda items: [(record.asset, record) for _, record in items])


def alarm_setup(gateway: Gateway, windows: Timing) -> AlarmSetup:
    """What the gateway's configuration says of alarms, now and whenever it is another one.

    Args:
        gateway: Asked again when its `revision` is another one.
        windows: Those that are scored.
    """
    skew = windows.allowed_skew_ns
    revision, made = -1, AlarmSetup(alerts=gateway.alerts, windows=windows)

    def latest() -> AlarmSetup:
        nonlocal revision, made
        if gateway.revision != revision:
            revision = gateway.revision
            made = AlarmSetup(
                alerts=gateway.alerts,
                windows=windows,
                rules=lambda asset: watched(asset, gateway.rules(asset), skew),
                maintenance=gateway.maintenance,
                latest=latest,
            )
        return made

    return latest()


def _received(value: Item | ScoredBlock) -> int:
    """When it came, ns; 0 where it does not say: the end of a command is what a person chose."""
    if isinstance(value, SampleBatch):
        return value.received_time
    return value.end if isinstance(value, Notice) and value.kind is NoticeKind.IDLE else 0


def _reception(record: Alert | Event | Tick) -> int:
    return record.end if isinstance(record, Event) else record.received_time
