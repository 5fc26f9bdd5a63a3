"""Leaves out values that say nothing new: a deadband the server would not apply, and NaN after NaN.

A server compares a new value with the last one it told, and NaN differs from NaN: a sensor that writes NaN ten times a
second is told ten times a second, whatever the deadband. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from connectors import status
from connectors.opcua.columns import Shape, Values
from connectors.opcua.tag import OpcUaTag


class Changes:
    """What was passed on last of every tag."""

    def __init__(self, tags: Sequence[OpcUaTag], counters: Counter[str]) -> None:
        """Nothing was passed on yet.

        Args:
            tags: In the order of their handles.
            counters: Counted here: "unchanged", values that were left out.
        """
        self._counters = counters
        n = len(tags)
        # A tag that asked for every timestamp is told all of them.
        self._every = np.array([tag.trigger == "status_value_timestamp" for tag in tags], dtype=np.bool_)
        self._band = np.zeros(n)
        self._value = np.full(n, np.nan)  # of tags with a deadband, and whether the last one of any tag was NaN
        self._code = np.zeros(n, dtype=np.uint32)
        self._known = np.zeros(n, dtype=np.bool_)
        self._was_nan = np.zeros(n, dtype=np.bool_)
        self._watched = False  # some tag has a deadband here or had NaN last

    def apply(self, bands: dict[int, float]) -> None:
        """From now on, changes of these handles up to the width given are left out; 0 = all are passed on."""
        for handle, band in bands.items():
            self._band[handle] = band
            self._known[handle] = False
        self._watched = self._watched or bool(self._band.any())

    def forget(self, handles: NDArray[np.uint32] | None = None) -> None:
        """The next value of these tags (None = of all) is new, whatever it is."""
        self._known[slice(None) if handles is None else handles] = False

    def news(self, values: Values) -> Values:
        """The values that say something new, in their order."""
        is_nan = (values.shape == Shape.NUMBER) & np.isnan(values.value)
        if not self._watched and not is_nan.any():
            return values
        keep = np.ones(len(values), dtype=np.bool_)
        mine = np.flatnonzero(values.handle < len(self._band))
        for rows in _one_each(values.handle, mine):  # a tag may stand in a message several times
            keep[rows] = self._compare(values, rows, is_nan[rows])
        self._watched = bool(self._band.any() or (self._was_nan & self._known).any())
        left_out = len(keep) - int(np.count_nonzero(keep))
        if not left_out:
            return values
        self._counters["unchanged"] += left_out
        return values.only(np.flatnonzero(keep))

    def _compare(self, values: Values, rows: NDArray[np.int64], is_nan: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which of these rows, each of another tag, are new; those are the last ones from now on."""
        handles = values.handle[rows]
        value, code = values.value[rows], values.status[rows]
        same_nan = is_nan & self._was_nan[handles] & ~self._every[handles]
        # The band holds among numbers; a comparison with NaN is false, so a value after none is new.
        within = np.abs(value - self._value[handles]) <= self._band[handles]
        within &= (self._band[handles] > 0) & ~is_nan & ~status.is_bad(code) & (values.shape[rows] == Shape.NUMBER)
        old = self._known[handles] & (code == self._code[handles]) & (same_nan | within)
        new = handles[~old]
        self._known[new] = True
        self._value[new] = value[~old]
        self._code[new] = code[~old]
        self._was_nan[new] = is_nan[~old]
        fresh: NDArray[np.bool_] = ~old
        return fresh


def _one_each(handles: NDArray[np.uint32], rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Rows in groups that hold every handle once at most: the first of each, the second of each, ..."""
    while len(rows):
        _, first = np.unique(handles[rows], return_index=True)
        yield rows[np.sort(first)]
        rows = np.delete(rows, first)
