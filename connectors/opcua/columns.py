"""Data values as columns: what the readers of messages make and the decoder takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Shape(IntEnum):
    """What stands in the value of an item."""

    NUMBER = 0
    NOTHING = 1
    NUMBERS = 2  # a one-dimensional array, kept in `Values.arrays`
    OTHER = 3  # string, structure, matrix, ...: no number


@dataclass(slots=True, eq=False)
class Values:
    """Data values as columns of equal length n.

    Attributes:
        handle: uint32[n], client handle of the monitored item; position in the request for a read.
        value: float64[n], NaN where there is no number.
        status: uint32[n], raw status code; 0 (Good) where the message leaves it out.
        source: int64[n], source timestamp in ticks of 100 ns since 1601; 0 = none.
        server: int64[n], server timestamp, likewise.
        shape: uint8[n], `Shape`.
        arrays: Row -> float64 array, for the rows of shape NUMBERS.
    """

    handle: NDArray[np.uint32]
    value: NDArray[np.float64]
    status: NDArray[np.uint32]
    source: NDArray[np.int64]
    server: NDArray[np.int64]
    shape: NDArray[np.uint8]
    arrays: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.handle)

    def only(self, rows: NDArray[np.int64]) -> Values:
        """These rows and their arrays."""
        picked = self.at(rows)
        picked.arrays = {new: self.arrays[old] for new, old in enumerate(rows.tolist()) if old in self.arrays}
        return picked

    def at(self, rows: NDArray[np.int64]) -> Values:
        """These rows, without their arrays."""
        return Values(
            self.handle[rows],
            self.value[rows],
            self.status[rows],
            self.source[rows],
            self.server[rows],
            self.shape[rows],
        )


def joined(pieces: Sequence[Values]) -> Values:
    """Pieces one behind the other, without their arrays.

    Args:
        pieces: At least one.
    """
    if len(pieces) == 1:
        return pieces[0]
    return Values(
        np.concatenate([piece.handle for piece in pieces]),
        np.concatenate([piece.value for piece in pieces]),
        np.concatenate([piece.status for piece in pieces]),
        np.concatenate([piece.source for piece in pieces]),
        np.concatenate([piece.server for piece in pieces]),
        np.concatenate([piece.shape for piece in pieces]),
    )
