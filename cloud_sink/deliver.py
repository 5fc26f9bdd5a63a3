"""The loop of the deliver process: alerts before events before summaries, each object verified.

Alerts are sent by the loop itself; events and summaries in the bulk slot beside it, so an alert waits for no upload.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

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
from cloud_sink.slots import InlineSlot, Outcome, Slot, attempt
from cloud_sink.targets.base import Receipt, Target
from cloud_sink.waiting import Reader, Waiting

log = structlog.get_logger(__name__)

_LAST_WAIT_S = 5.0  # for a bulk upload at the end; after that it is sent again at the next start


class Deliverer:
    """Empties an outbox into a target for as long as it runs. Whether there is an uplink is judged by delivering."""

    def __init__(
        self,
        reader: Reader,
        target: Target,
        ledger: EgressLedger,
        naming: Naming,
        settings: DeliverySettings,
        wait: Callable[[float], object],
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
        *,
        bulk: Slot | None = None,
        lanes: Sequence[Lane] = tuple(Lane),
        allowance: Allowance | None = None,
    ) -> None:
        """Put the parts together; nothing is sent yet.

        Args:
            reader: The outbox; the caller closes it.
            target: Where to.
            ledger: Of what left.
            naming: Who sends.
            settings: Intervals.
            wait: Sleeps for up to some seconds, less when an alert arrives or `stop` was called: `Bell.wait`.
            clock: Wall clock, ns; only for the ledger and `last_success`.
            monotonic: Steady clock, s.
            uniform: Draws the jitter.
            bulk: Where events and summaries are uploaded, to the same target; None = at once, one after the other.
            lanes: That the target takes, in order; what is in the others stays in the outbox, under its quota.
            allowance: Of bulk; None = unlimited.
        """
        self.stats = DeliveryStats()
        self._waiting = Waiting(reader)
        self._target = target
        self._ledger = ledger
        self._naming = naming
        self._settings = settings
        self._wait = wait
        self._clock = clock
        self._monotonic = monotonic
        self._backoff = Backoff(settings, monotonic, uniform)
        self._bulk: Slot = bulk or InlineSlot(target)
        self._lanes = lanes
        self._in_hand: tuple[Batch, CloudObject] | None = None  # of the bulk slot
        self._allowance = allowance or Allowance()
        self._stopped = False
        self._maintain_at = 0.0

    def run(self) -> None:
        """Deliver until `stop`. What was not delivered stays in the outbox.

        Raises:
            OutboxError: The outbox cannot be used any more.
        """
        while not self._stopped:
            if (delay := self.step()) > 0 and not self._stopped:
                self._wait(delay)
        self._collect(_LAST_WAIT_S)

    def stop(self) -> None:
        """End `run` after the object in hand; ring the bell as well to end a wait. Safe in a signal handler."""
        self._stopped = True

    def step(self) -> float:
        """Send or begin at most one object: the first of the first lane that has one.

        Returns:
            Seconds to wait before the next step, less when the bell rings; 0 = there may be more.
        """
        self._maintain()
        self._collect()
        sent = self._send_next(flush=False)
        if sent is None:
            return self._settings.poll_interval.total_seconds()
        return 0.0 if sent else self._backoff.delay()

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
            if lane is not Lane.ALERT and (self._in_hand or not (flush or self._allowance.allows(lane))):
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
        if batch.lane is Lane.ALERT:
            return self._settle(batch, outgoing, attempt(self._target, outgoing))
        self._in_hand = (batch, outgoing)
        self._bulk.start(outgoing)
        return self._collect(None if flush else 0.0)

    def _collect(self, wait: float | None = 0.0) -> bool | None:
        """Take up the end of a bulk upload: as `_settle`; None = there is none."""
        if self._in_hand is None or (outcome := self._bulk.outcome(wait)) is None:
            return None
        (batch, outgoing), self._in_hand = self._in_hand, None
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
            self._ledger.note(outgoing, self._target.name, outcome, self._clock())
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
            log.info("uplink_up", target=self._target.name)

    def _postpone(self, lane: Lane, error: TransientDeliveryError) -> None:
        self._backoff.failed(lane, error)
        self.stats.failures[error.reason] += 1
        if self.stats.uplink_up or self.stats.trouble != error.reason:
            log.warning("uplink_down", target=self._target.name, reason=error.reason, error=str(error))
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

    def _maintain(self) -> None:
        if (now := self._monotonic()) >= self._maintain_at:
            self._maintain_at = now + self._settings.poll_interval.total_seconds()
            self._waiting.maintain()
