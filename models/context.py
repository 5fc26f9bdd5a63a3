"""What is known of segments beside their good samples: their windows, their tags, what was bad, what held before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Context:
    """Of k segments, one entry each but for the bad samples.

    Attributes:
        length_s: Length of the window in seconds; 0 = not known, it then ends with the last sample.
        interval_s: Expected time between two samples, for a waveform between two of its array; 0 = not known.
        expected: Samples that a full window holds; NaN where that is not known.
        waveform: bool[k]: its samples come as arrays, evenly spaced.
        held: Value in force when the window began; NaN where that is not known.
        unit: str[k], engineering unit of the tag, "" where it has none.
        bad: int64[k], samples without a good value.
        bad_time_s: float64[sum(bad)], when those were taken: seconds since the window's start, segment by segment.
    """

    length_s: Column
    interval_s: Column
    expected: Column
    waveform: NDArray[np.bool_]
    held: Column
    unit: NDArray[np.str_]
    bad: NDArray[np.int64]
    bad_time_s: Column

    @classmethod
    def unknown(cls, k: int) -> Context:
        """Nothing is known, nothing was bad."""
        return cls(
            length_s=np.zeros(k),
            interval_s=np.zeros(k),
            expected=np.full(k, np.nan),
            waveform=np.zeros(k, dtype=np.bool_),
            held=np.full(k, np.nan),
            unit=np.zeros(k, dtype=np.str_),
            bad=np.zeros(k, dtype=np.int64),
            bad_time_s=np.empty(0),
        )

    @property
    def in_force(self) -> NDArray[np.bool_]:
        """bool[k]: `held` is known, and was not ended by a bad sample as the window began."""
        known = np.isfinite(self.held)
        if not self.bad_time_s.size:
            return known
        some = self.bad > 0
        first = np.cumsum(self.bad) - self.bad  # of the bad samples of each segment
        known[some] &= self.bad_time_s[first[some]] > 0
        return known

    def take(self, rows: NDArray[np.int64]) -> Context:
        """Of these segments, given in rising order."""
        chosen = np.zeros(len(self.bad), dtype=np.bool_)
        chosen[rows] = True
        picked = {one.name: getattr(self, one.name)[rows] for one in fields(self) if one.name != "bad_time_s"}
        return Context(**picked, bad_time_s=self.bad_time_s[np.repeat(chosen, self.bad)])

    @staticmethod
    def join(parts: Sequence[Context]) -> Context:
        """Of segments that are laid end to end."""
        return Context(
            **{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Context)}
        )
