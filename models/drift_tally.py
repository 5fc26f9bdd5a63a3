"""Counting windows for drift: of many assets at once, in a memory that does not grow with time. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.drift import BATCH, EDGES, PERIOD, Counts

# Of each asset, column and edge: 9 bytes. `batch` is the one that is being filled.
_FIELDS = {"below": "<u2", "squares": "<u2", "products": "<u2", "batch": "u1", "first": "u1", "last": "u1"}


class Tally:
    """The running periods of n assets with so many columns.

    Attributes:
        windows: uint16[n], counted in the running period of each.
    """

    def __init__(self, columns: int, assets: int = 0) -> None:
        self.windows = np.zeros(assets, dtype="<u2")
        self._shape = (columns, EDGES)
        self._arrays = {name: np.zeros((assets, *self._shape), dtype) for name, dtype in _FIELDS.items()}

    def grow(self, assets: int) -> None:
        """Make room for so many more."""
        self.windows = np.append(self.windows, np.zeros(assets, dtype="<u2"))
        for name, old in self._arrays.items():
            self._arrays[name] = np.concatenate([old, np.zeros((assets, *self._shape), old.dtype)])

    def forget(self, place: int) -> None:
        """Without this one; those behind it move up."""
        self.windows = np.delete(self.windows, place)
        self._arrays = {name: np.delete(array, place, axis=0) for name, array in self._arrays.items()}

    def count(self, at: NDArray[np.intp], marks: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Take in one window of each of these assets.

        Args:
            at: Which ones, each once.
            marks: bool[len(at), columns, 9] of `at_or_below`.

        Returns:
            Those whose period is full; ask for its `counts` before the next window.
        """
        if len(at) == len(self.windows) and at[0] == 0 and (np.diff(at) == 1).all():
            self._arrays["batch"] += marks  # all of them, in order: in place
        else:
            self._arrays["batch"][at] += marks
        self.windows[at] += 1
        full: NDArray[np.intp] = at[self.windows[at] % BATCH == 0]
        if len(full):
            self._fold(full)
            full = full[self.windows[full] == PERIOD]
        return full

    def _fold(self, at: NDArray[np.intp]) -> None:
        """A batch is full."""
        arrays = self._arrays
        batch = arrays["batch"][at].astype("<u2")
        begins = self.windows[at] == BATCH
        arrays["first"][at[begins]] = batch[begins]
        arrays["products"][at] += batch * arrays["last"][at]
        arrays["below"][at] += batch
        arrays["squares"][at] += batch * batch
        arrays["last"][at] = batch
        arrays["batch"][at] = 0

    def counts(self, at: NDArray[np.intp]) -> Counts:
        """Of full periods; these assets begin anew."""
        names = ("below", "squares", "products", "first", "last")
        counts = Counts(*(self._arrays[name][at].astype(np.float64) for name in names))
        self.windows[at] = 0
        for array in self._arrays.values():
            array[at] = 0
        return counts

    def dump(self) -> list[bytes]:
        """Columns of bytes, little-endian."""
        return [self.windows.tobytes(), *(array.tobytes() for array in self._arrays.values())]

    @classmethod
    def load(cls, data: memoryview, columns: int, assets: int) -> Tally:
        """Inverse of `dump`, joined.

        Raises:
            ValueError: Too short or too long.
        """
        tally, at = cls(columns, assets), 0
        for array in (tally.windows, *tally._arrays.values()):
            array[...] = np.frombuffer(data, array.dtype, array.size, at).reshape(array.shape)
            at += array.nbytes
        if at != len(data):
            msg = f"{len(data)} bytes where {at} are read"
            raise ValueError(msg)
        if (tally.windows >= PERIOD).any():
            msg = "more windows than a period has"
            raise ValueError(msg)
        return tally
