"""What the values of a block are worth: the status code of each. Pure.

| The device sends | Value | Status |
|---|---|---|
| a number in its valid range, or without one | as it is | Good |
| a number outside its valid range | as it is | UncertainEngineeringUnitsExceeded |
| NaN, an infinity, or a raw value declared invalid | NaN | BadSensorFailure |
| a BCD digit above 9, a text nobody gave a meaning | NaN | BadTypeMismatch |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from connectors import status
from connectors.modbus.address import Address
from connectors.modbus.kinds import Kind
from connectors.modbus.raw import DTYPES

_SENSOR_FAILURE = np.uint32(status.BAD_SENSOR_FAILURE)
_TYPE_MISMATCH = np.uint32(status.BAD_TYPE_MISMATCH)
_EXCEEDED = np.uint32(status.UNCERTAIN_ENGINEERING_UNITS_EXCEEDED)


class Judge:
    """Of the values of one block."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        """Compile; the addresses in the order of the values."""
        self._good = np.full(len(addresses), status.GOOD, dtype=np.uint32)
        self._good.flags.writeable = False  # handed out again and again
        self._zeros = np.zeros(len(addresses))
        low = np.array([address.rules.valid_min for address in addresses], dtype=np.float64)
        high = np.array([address.rules.valid_max for address in addresses], dtype=np.float64)
        self._range = (low, high) if np.isfinite(low).any() or np.isfinite(high).any() else None

    def verdict(
        self, values: NDArray[np.float64], mismatched: NDArray[np.intp] | None
    ) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
        """Values without infinities, and their codes.

        Args:
            values: In engineering units; infinities become NaN in place. Numpy complains of them unless told not to.
            mismatched: Positions of those whose bits are no value of their kind.
        """
        # 0 times anything finite is 0, and NaN otherwise: a quarter of what asking every value costs.
        all_finite = self._zeros.dot(values) == 0
        if all_finite and self._range is None:
            return values, self._good
        codes = self._good.copy()
        if self._range is not None:
            low, high = self._range
            codes[(values < low) | (values > high)] = _EXCEEDED
        if not all_finite:
            none = ~np.isfinite(values)
            values[none] = np.nan
            codes[none] = _SENSOR_FAILURE
        if mismatched is not None:
            codes[mismatched] = _TYPE_MISMATCH
        return values, codes


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Raw values of one run that mean "none".

    Attributes:
        positions: Within the run, one for each declared value.
        raw: The declared values, as raw as the run's.
        rows: Of the block, as `positions`.
    """

    positions: NDArray[np.intp]
    raw: NDArray[np.generic]
    rows: NDArray[np.intp]

    @classmethod
    def of(cls, addresses: Sequence[Address], rows: Sequence[int]) -> Self | None:
        """Those of a run, None where nobody declared one.

        Args:
            addresses: Of the run, all of one kind.
            rows: Of the block, as `addresses`.
        """
        pairs = [(i, raw) for i, address in enumerate(addresses) for raw in address.rules.invalid]
        if not pairs:
            return None
        positions = np.array([i for i, _ in pairs], dtype=np.intp)
        return cls(positions, _like(addresses[0].kind, [raw for _, raw in pairs]), np.array(rows)[positions])

    def hits(self, raw: NDArray[np.generic]) -> NDArray[np.intp]:
        """Rows of the block whose raw value means "none"."""
        hits: NDArray[np.intp] = self.rows[raw[self.positions] == self.raw]
        return hits


def _like(kind: Kind, raw: Sequence[float]) -> NDArray[np.generic]:
    """Declared values in the type of the raw ones, since 64 bits do not fit into a float; 0x8000 of int16 is -32768."""
    dtype = DTYPES[kind]
    if kind.is_float:
        return np.array(raw, dtype=np.float64).astype(dtype)
    if kind.is_bcd:
        return np.array([int(value) for value in raw], dtype=np.uint64)
    bits = 8 * dtype.itemsize
    unsigned = np.array([int(value) % 2**bits for value in raw], dtype=f"u{dtype.itemsize}")
    return unsigned.view(dtype)
