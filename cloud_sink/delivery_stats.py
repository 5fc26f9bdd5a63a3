"""What the deliverer has done so far, for metrics and the status file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cloud_sink.histogram import Histogram
from cloud_sink.records import Lane

UPLOAD_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""From a broker beside the gateway to a large file over a modem."""


@dataclass(slots=True)
class DeliveryStats:
    """Counts since the start. Written by the loop alone; others only read.

    Attributes:
        records: Delivered, by lane.
        objects: Delivered, by lane.
        size: Bytes of objects delivered, by lane.
        wire: Bytes handed to the network, also in vain, with headers, by lane.
        failures: Attempts that failed, by reason, transient and permanent.
        quarantined: Records set aside, by lane.
        split: Batches sent in two halves, since the target found them too large.
        ledger_failures: Attempts whose ledger line could not be written.
        uplink_up: Whether the last attempt reached the target; True before the first one.
        trouble: Reason of the last failure while it lasts; "" = none.
        last_success: Wall clock of the last delivery, ns; 0 = none yet.
        seconds: How long attempts took, also those that failed.
    """

    records: Counter[Lane] = field(default_factory=Counter)
    objects: Counter[Lane] = field(default_factory=Counter)
    size: Counter[Lane] = field(default_factory=Counter)
    wire: Counter[Lane] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[Lane] = field(default_factory=Counter)
    split: int = 0
    ledger_failures: int = 0
    uplink_up: bool = True
    trouble: str = ""
    last_success: int = 0
    seconds: Histogram = field(default_factory=lambda: Histogram(UPLOAD_BOUNDS_S))
