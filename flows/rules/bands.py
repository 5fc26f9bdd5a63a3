"""The quiet bands of all tags of an asset: values that turn nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from connectors.tags import TagTable
from flows.rules.watcher import MISSING, Watcher


class QuietBands:
    """Which values of which tag concern nobody, for one table of tags.

    Attributes:
        low: float64[T], lowest quiet value of each tag.
        high: float64[T], highest.
        remembered: bool[T], some rule looks at earlier samples of the tag.
        all_remembered: Every tag is.
        none_remembered: None is.
    """

    def __init__(self, watchers: Sequence[Watcher], tags: TagTable) -> None:
        """Number the tags of the watchers as this table does."""
        numbers = {name: number for number, name in enumerate(tags.names)}
        self._by_tag: dict[int, list[tuple[Watcher, int]]] = {}
        self.remembered = np.zeros(len(tags), dtype=np.bool_)
        for watcher in watchers:
            watcher.numbers = tuple(numbers.get(name, MISSING) for name in watcher.tags)
            for side, number in enumerate(watcher.numbers):
                if number != MISSING:
                    self._by_tag.setdefault(number, []).append((watcher, side))
                    self.remembered[number] |= watcher.remembers
        self.all_remembered, self.none_remembered = bool(self.remembered.all()), not self.remembered.any()
        self.low, self.high = np.full(len(tags), -np.inf), np.full(len(tags), np.inf)
        self.renew_all()

    def outside(self, tag: NDArray[np.uint16], value: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which samples may turn something."""
        number = tag.astype(np.intp)  # once, and not in both look-ups
        left: NDArray[np.bool_] = (value > self.high.take(number)) | (value < self.low.take(number))
        return left

    def concerned(self, tag: NDArray[np.uint16]) -> set[Watcher]:
        """Who looks at any of these tags."""
        numbers = np.flatnonzero(np.bincount(tag)).tolist()
        return {watcher for number in numbers for watcher, _ in self.watchers_of(number)}

    def watchers_of(self, number: int) -> list[tuple[Watcher, int]]:
        """Who looks at a tag, and which of their tags it is."""
        return self._by_tag.get(number, [])

    def renew(self, numbers: Iterable[int]) -> None:
        """Ask the watchers of these tags again."""
        for number in numbers:
            bands = [watcher.band(side) for watcher, side in self.watchers_of(number)]
            if bands:
                self.low[number] = max(low for low, _ in bands)
                self.high[number] = min(high for _, high in bands)

    def renew_all(self) -> None:
        """Ask all watchers again."""
        self.renew(self._by_tag)
