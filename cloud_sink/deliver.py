"""Delivery to one target: alerts before events before summaries, each object verified.

Alerts have a slot of their own, events and summaries share the other, so an alert waits for no upload of bulk.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from cloud_sink.allowance import Allowance
from cloud_sink.backoff import Backoff
from cloud_sink.batch import Batch
from cloud_sink.delivery_stats import DeliveryStats
from cloud_sink.egress import EgressLedger
from cloud_sink.errors import PermanentDeliveryError, PermanentReason, TransientDeliveryError
from cloud_sink.objects import CloudObject, build_object
from cloud_sink.records import Lane
from cloud_sink.settings import DeliverySettings, Naming
from cloud_sink.slots import Outcome, Slot
from cloud_sink.targets.base import Receipt
from cloud_sink.waiting import Queue, Waiting

log = structlog.get_logger(__name__)

_LONGEST_S, _SLOWEST_RATE = 900.0, 100.0  # of an upload: s beside its bytes, and bytes a second (1000 by `bandwidth`)


@dataclass(slots=True)
class _Hand:
    """A slot and what is in it."""

    slot: Slot
    holds: tuple[Batch, CloudObject] | None = None
    since: float = 0.0


class Deliverer:
    """Empties the queue of one target. Whether there is an uplink is judged by delivering."""

    def __init__(
        self,
        queue: Queue,
        name: str,
        alerts: Slot,
        bulk: Slot,
        ledger: EgressLedger,
        naming: Naming,
        settings: DeliverySettings,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
        *,
        lanes: Sequence[Lane] = tuple(Lane),
        allowance: Allowance | None = None,
    ) -> None:
        """Put the parts together; nothing is sent yet.

        Args:
            queue: Of the target.
            name: Of the target, for the ledger and for people: `Target.name`.
            alerts: Where alerts are uploaded.
            bulk: Where events and summaries are uploaded, to the same target.
            ledger: Of what left.
            naming: Who sends.
            settings: Intervals.
            clock: Wall clock, ns; only for the ledger and `last_success`.
            monotonic: Steady clock, s.
            uniform: Draws the jitter.
            lanes: That the target takes, in order.
            allowance: Of bulk; None = unlimited.
        """
        self.stats = DeliveryStats()
        self._waiting = Waiting(queue)
        self._name = name
        self._ledger = ledger
        self._naming = naming
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._backoff = Backoff(settings, monotonic, uniform)
        self._alerts, self._bulk = _Hand(alerts), _Hand(bulk)
        self._lanes = lanes
        self._allowance = allowance or Allowance()

    def step(self) -> float:
        """Take up what has ended, then begin at most one object: the first of the first lane that has one.

        Returns:
            Seconds to wait before the next step, less when the bell rings; 0 = there may be more.
        """
        self.collect()
        if self._waiting.alert_came():
            self._backoff.hurry()
        sent = self._send_next(flush=False)
        if sent is None:
            return self._settings.poll_interval.total_seconds()
        return 0.0 if sent else self._backoff.delay()

    def collect(self, wait: float = 0.0) -> None:
        """Take up the ends of uploads under way, each waited for so many seconds."""
        for hand in (self._alerts, self._bulk):
            self._collect(hand, wait)

    def overdue(self) -> float:
        """Seconds by which an upload under way has outlasted what the slowest line needs; 0 = none has.

        Every wait for a target has a time-out, so one that is overdue hangs where no time-out reaches.
        """
        now = self._monotonic()
        return max(
            0.0,
            *(
                now - hand.since - _LONGEST_S - len(hand.holds[1].data) / _SLOWEST_RATE
                for hand in (self._alerts, self._bulk)
                if hand.holds is not None
            ),
            0.0,
        )

    def drain(self) -> bool:
        """Send everything there is, also summary files that are not full yet, until done or the first failure.

        Neither the budget nor the hours of bulk hold it up: somebody asked for it.

        Returns:
            Whether everything was sent.
        """
        while sent := self._send_next(flush=True):
            pass
        return sent is None

    def _send_next(self, *, flush: bool) -> bool | None:
        """None = nothing to send, or under way; False = the target could not be reached, or is not to be tried yet."""
        # While the link is in doubt the probe is as small as can be.
        limit = None if self.stats.uplink_up else 1
        for lane in self._lanes:
            if not flush and self._backoff.waits(lane):
                return False  # what matters more than the lane that failed need not wait for it
            if lane is Lane.ALERT:
                if self._alerts.holds:
                    return None  # and nothing below it begins before it is known how that ends
            elif self._bulk.holds or not (flush or self._allowance.allows(lane)):
                continue
            if (batch := self._waiting.next(lane, limit, flush=flush)) is not None:
                return self._send(batch, flush=flush)
        return None

    def _send(self, batch: Batch, *, flush: bool) -> bool | None:
        try:
            outgoing = build_object(batch, self._naming)
        except (ValueError, LookupError, TypeError) as error:  # also what only another version could have written
            self._refused(batch, PermanentDeliveryError(PermanentReason.UNREADABLE, str(error)))
            return True
        hand = self._alerts if batch.lane is Lane.ALERT else self._bulk
        hand.holds, hand.since = (batch, outgoing), self._monotonic()
        hand.slot.start(outgoing)
        return self._collect(hand, None if flush else 0.0)

    def _collect(self, hand: _Hand, wait: float | None) -> bool | None:
        """Take up the end of an upload: as `_settle`; None = there is none."""
        if hand.holds is None or (outcome := hand.slot.outcome(wait)) is None:
            return None
        (batch, outgoing), hand.holds = hand.holds, None
        self.stats.seconds.add(self._monotonic() - hand.since)
        return self._settle(batch, outgoing, outcome)

    def _settle(self, batch: Batch, outgoing: CloudObject, outcome: Outcome) -> bool:
        """What comes of an attempt; False = the target could not be reached."""
        self._note(outgoing, outcome)
        match outcome:
            case Receipt():
                self._waiting.delivered(batch)
                self._succeeded(outgoing)
            case PermanentDeliveryError():
                if outcome.reason is PermanentReason.TOO_LARGE and len(batch.rows) > 1:
                    self._split(batch)
                else:
                    self._refused(batch, outcome)
                self._link_is_up(batch.lane)
            case TransientDeliveryError():
                self._postpone(batch.lane, outcome)
                return False
            case _:
                raise outcome
        return True

    def _note(self, outgoing: CloudObject, outcome: Outcome) -> None:
        """Everything that left is in the ledger, delivered or not."""
        self.stats.wire[outgoing.lane] += outcome.wire
        self._allowance.spend(outcome.wire)
        if not isinstance(outcome, Receipt) and not outcome.wire:
            return
        try:
            self._ledger.note(outgoing, self._name, outcome, self._clock())
        except OSError as error:  # a full disk: going on delivering is what empties it
            self.stats.ledger_failures += 1
            log.error("egress_ledger_failed", key=outgoing.key, error=str(error))

    def _succeeded(self, outgoing: CloudObject) -> None:
        lane, stats = outgoing.lane, self.stats
        stats.records[lane] += outgoing.records
        stats.objects[lane] += 1
        stats.size[lane] += len(outgoing.data)
        stats.last_success = self._clock()
        self._link_is_up(lane)
        log.debug("delivered", key=outgoing.key, records=outgoing.records, size=len(outgoing.data))

    def _link_is_up(self, lane: Lane) -> None:
        self._backoff.worked(lane)
        self.stats.trouble = ""
        if not self.stats.uplink_up:
            self.stats.uplink_up = True
            log.info("uplink_up", target=self._name)

    def _postpone(self, lane: Lane, error: TransientDeliveryError) -> None:
        self._backoff.failed(lane, error)
        self._waiting.link_is_away()
        self.stats.failures[error.reason] += 1
        if self.stats.uplink_up or self.stats.trouble != error.reason:
            log.warning("uplink_down", target=self._name, reason=error.reason, error=str(error))
        self.stats.uplink_up, self.stats.trouble = False, str(error.reason)

    def _split(self, batch: Batch) -> None:
        self._waiting.split(batch)
        self.stats.split += 1
        log.warning("batch_split", lane=batch.lane.name.lower(), records=len(batch.rows))

    def _refused(self, batch: Batch, error: PermanentDeliveryError) -> None:
        self.stats.failures[error.reason] += 1
        self.stats.quarantined[batch.lane] += len(batch.rows)
        log.error("batch_quarantined", lane=batch.lane.name.lower(), records=len(batch.rows), error=str(error))
        self._waiting.set_aside(batch, error.reason)
