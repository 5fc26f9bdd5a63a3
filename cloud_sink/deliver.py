"""The loop of the deliver process: alerts before events before summaries, one verified object at a time."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from cloud_sink.batch import Batch
from cloud_sink.egress import EgressLedger
from cloud_sink.errors import PermanentDeliveryError, PermanentReason, TransientDeliveryError
from cloud_sink.objects import CloudObject, build_object
from cloud_sink.records import Lane
from cloud_sink.settings import DeliverySettings, Naming
from cloud_sink.targets.base import Target

log = structlog.get_logger(__name__)


class Reader(Protocol):
    """What the loop needs of the outbox; see `OutboxReader`."""

    def freeze(self, lane: Lane, limit: int | None = None, *, flush: bool = False) -> Batch | None:
        """The next batch of a lane, the same one until it is delivered or quarantined."""
        ...

    def delivered(self, batch: Batch) -> None:
        """Forget it."""
        ...

    def quarantine(self, batch: Batch, reason: PermanentReason) -> None:
        """Set it aside."""
        ...

    def maintain(self) -> None:
        """Housekeeping, about once a poll interval."""
        ...


@dataclass(slots=True)
class DeliveryStats:
    """Counts since the start, for metrics. Written by the loop alone; others only read.

    Attributes:
        records: Delivered, by lane.
        objects: Delivered, by lane.
        size: Bytes delivered, by lane.
        failures: Attempts that failed, by reason, transient and permanent.
        quarantined: Records set aside, by lane.
        ledger_failures: Objects delivered whose ledger line could not be written.
        uplink_up: Whether the last attempt reached the target; True before the first one.
        last_success: Wall clock of the last delivery, ns; 0 = none yet.
    """

    records: Counter[Lane] = field(default_factory=Counter)
    objects: Counter[Lane] = field(default_factory=Counter)
    size: Counter[Lane] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[Lane] = field(default_factory=Counter)
    ledger_failures: int = 0
    uplink_up: bool = True
    last_success: int = 0


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
        """
        self.stats = DeliveryStats()
        self._reader = reader
        self._target = target
        self._ledger = ledger
        self._naming = naming
        self._settings = settings
        self._wait = wait
        self._clock = clock
        self._monotonic = monotonic
        self._uniform = uniform
        self._stopped = False
        self._failures = 0  # in a row
        self._failed = Lane.ALERT  # lane of the last of them
        self._retry_at = 0.0
        self._maintain_at = 0.0

    def run(self) -> None:
        """Deliver until `stop`. What was not delivered stays in the outbox.

        Raises:
            OutboxError: The outbox cannot be used any more.
        """
        while not self._stopped:
            if (delay := self.step()) > 0 and not self._stopped:
                self._wait(delay)

    def stop(self) -> None:
        """End `run` after the object in hand; ring the bell as well to end a wait. Safe in a signal handler."""
        self._stopped = True

    def step(self) -> float:
        """Send at most one object: the first of the first lane that has one.

        Returns:
            Seconds to wait before the next step; 0 = there may be more.
        """
        self._maintain()
        sent = self._send_next(flush=False)
        if sent is None:
            return self._settings.poll_interval.total_seconds()
        return 0.0 if sent else max(0.0, self._retry_at - self._monotonic())

    def drain(self) -> bool:
        """Send everything there is, also summary files that are not full yet, until done or the first failure.

        Returns:
            Whether everything was sent.
        """
        while sent := self._send_next(flush=True):
            pass
        return sent is None

    def _send_next(self, *, flush: bool) -> bool | None:
        """None = there is nothing to send; False = the target could not be reached, or is not to be tried yet."""
        # While the link is in doubt the probe is as small as can be.
        limit = None if self.stats.uplink_up else 1
        waiting = not flush and self._retry_at > self._monotonic()
        for lane in Lane:
            if waiting and lane >= self._failed:
                return False  # what matters more than the lane that failed need not wait for it
            if (batch := self._reader.freeze(lane, limit, flush=flush)) is not None:
                return self._send(batch)
        return None

    def _send(self, batch: Batch) -> bool:
        try:
            outgoing = self._build(batch)
            receipt = self._target.put(outgoing.key, outgoing.data)
        except TransientDeliveryError as error:
            self._postpone(batch.lane, error)
            return False
        except PermanentDeliveryError as error:
            self._refused(batch, error)
            return True
        self._note(outgoing, receipt.sha256)
        self._reader.delivered(batch)
        self._succeeded(outgoing)
        return True

    def _build(self, batch: Batch) -> CloudObject:
        try:
            return build_object(batch, self._naming)
        except (ValueError, LookupError, TypeError) as error:  # also what only another version could have written
            raise PermanentDeliveryError(PermanentReason.UNREADABLE, str(error)) from error

    def _note(self, outgoing: CloudObject, sha256: str) -> None:
        try:
            self._ledger.note(outgoing, self._target.name, sha256, self._clock())
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
        """Whatever waits is tried at once; a lane that fails all the same goes on waiting longer and longer."""
        self._retry_at = 0.0
        if lane >= self._failed:
            self._failures = 0
        if not self.stats.uplink_up:
            self.stats.uplink_up = True
            log.info("uplink_up", target=self._target.name)

    def _postpone(self, lane: Lane, error: TransientDeliveryError) -> None:
        """Full jitter: any time up to the doubled delay, so that a site's gateways do not come back in step."""
        self._failed = lane
        self.stats.failures[error.reason] += 1
        longest = self._settings.backoff.total_seconds() * 2.0 ** min(self._failures, 30)
        longest = min(longest, self._settings.backoff_cap.total_seconds())
        self._retry_at = self._monotonic() + self._uniform(0.0, longest)
        self._failures += 1
        if self.stats.uplink_up:
            self.stats.uplink_up = False
            log.warning("uplink_down", target=self._target.name, reason=error.reason, error=str(error))

    def _refused(self, batch: Batch, error: PermanentDeliveryError) -> None:
        self.stats.failures[error.reason] += 1
        self.stats.quarantined[batch.lane] += len(batch.rows)
        log.error("batch_quarantined", lane=batch.lane.name.lower(), records=len(batch.rows), error=str(error))
        self._reader.quarantine(batch, error.reason)
        if error.reason is not PermanentReason.UNREADABLE:  # which never reached the target
            self._link_is_up(batch.lane)

    def _maintain(self) -> None:
        if (now := self._monotonic()) >= self._maintain_at:
            self._maintain_at = now + self._settings.poll_interval.total_seconds()
            self._reader.maintain()
