"""Counters that begin anew at 2^16 or 10^8, as numbers that only grow. No I/O, no clock; holds state between polls.

A counter that reads less than before has either rolled over or was set back, by a reboot or by hand. Which of the two
is told by the step forward that a roll-over would mean: up to the largest step that the address allows
(`Rules.counter`) it was a roll-over and a whole modulus is added from then on; beyond it, a reset. After a reset the
value is what the device says, as after a start of the gateway: it falls, and the consumer sees that it does.

A 16-bit counter that is reset shortly before its end cannot be told from one that rolled over; give the largest step
(energy per poll, pieces per poll) as closely as it is known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from connectors.modbus.address import Address
from connectors.modbus.rules import counter_modulus


class RollOver:
    """The counters among the addresses of one unit. One for each unit, kept for as long as its driver runs."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        """Begin: the first value of each counter is what the device says.

        Args:
            addresses: All of the unit; those without a counter are left alone.
        """
        rows = [i for i, address in enumerate(addresses) if address.rules.counter]
        counters = [addresses[i] for i in rows]
        self._rows = np.array(rows, dtype=np.intp)
        self._scale = np.array([address.scale for address in counters], dtype=np.float64)
        self._modulus = np.array([counter_modulus(address.kind) for address in counters], dtype=np.float64)
        self._largest = np.array([address.rules.counter for address in counters], dtype=np.float64)
        self._before = np.full(len(rows), np.nan)
        self._turns = np.zeros(len(rows))

    def unwrap(self, values: NDArray[np.float64]) -> int:
        """Add to each counter what its roll-overs have hidden. In place.

        Args:
            values: In engineering units, as long as the addresses and in their order. NaN = not read: it stays, and
                what came before it still counts as the value before.

        Returns:
            How many counters were set back.
        """
        if not len(self._rows):
            return 0
        now = values[self._rows]
        counts = (now - self._before) / self._scale  # NaN where there is no value now or none before
        forward = counts + self._modulus
        fell = counts < -0.5  # half a count: below it is rounding
        rolled = fell & (forward <= self._largest + 0.5)
        reset = fell & ~rolled
        self._turns[rolled] += 1
        self._turns[reset] = 0
        read = ~np.isnan(now)
        self._before[read] = now[read]
        values[self._rows] = now + self._turns * self._modulus * self._scale
        return int(reset.sum())
