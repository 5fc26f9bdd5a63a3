"""What a follower needs of the world: a shelf to ask, a ledger, a file, a clock, a place to try bundles."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cloud_sink.egress import EgressLedger
from cloud_sink.errors import DeliveryError
from cloud_sink.targets.base import Fetched, Shelf
from edge_gateway.channels.kept import KeptFile
from models.trial import try_bundle


@dataclass(frozen=True, slots=True)
class Outside:
    """See above.

    Attributes:
        shelf: Where the channel and its bundles lie.
        ledger: Of what leaves.
        kept: Of this gateway.
        clock: ns since the epoch.
        try_out: Opens a bundle where it can do no harm: `models.trial.try_bundle`.
    """

    shelf: Shelf
    ledger: EgressLedger
    kept: KeptFile
    clock: Callable[[], int] = time.time_ns
    try_out: Callable[[Path, Any, timedelta], object] = try_bundle

    def ask(self, key: str, most: int, tag: str = "") -> Fetched:
        """One object, and its line in the ledger.

        Raises:
            DeliveryError: Of the shelf.
        """
        try:
            found = self.shelf.fetch(key, most, tag)
        except DeliveryError as error:
            self.ledger.asked(key, self.shelf.name, error, self.clock())
            raise
        self.ledger.asked(key, self.shelf.name, found, self.clock())
        return found
