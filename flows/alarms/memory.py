"""What is kept of an asset's last windows, and the evidence that is made of it when an alarm opens. Pure."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from cloud_sink.evidence import Evidence, FeatureShare, Trace
from connectors.tags import TagTable
from flows.alarms.cause import NAN
from flows.alarms.feature_norm import FeatureNorm
from flows.blocks import ScoredBlock
from flows.downsample import downsample
from flows.window_block import WindowBlock
from models.served import Verdict

_SCORES = 30
_TRACES = 5
_FEATURES = 8


class Memory:
    """The last scores, and how features look when nothing is the matter."""

    def __init__(self) -> None:
        self._scores: deque[tuple[int, float]] = deque(maxlen=_SCORES)
        self._norm = FeatureNorm()
        self._asked: tuple[TagTable, tuple[str, ...]] | None = None
        self._found: tuple[tuple[str, ...], list[int]] = ((), [])

    def see(self, block: ScoredBlock, verdict: Verdict, row: int) -> None:
        """Take in a window before it is judged."""
        self._scores.append((int(block.end[row]), float(verdict.score[row])))

    def learn(self, block: ScoredBlock, verdict: Verdict, row: int) -> None:
        """Take in a window that was judged calm."""
        names, at = self._known(block.tags, verdict.tags)
        self._norm.learn(names, block.features, block.values[row, at])

    def evidence(
        self, block: ScoredBlock, verdict: Verdict, row: int, blamed: tuple[str, ...], points: int
    ) -> Evidence:
        """Of an alarm that opens on this window; `blamed` = tags, the one to blame most first; with so many samples."""
        return Evidence(
            start=int(block.start[row]),
            end=int(block.end[row]),
            features=self._features(block, verdict, row, blamed),
            scores=tuple(self._scores),
            traces=_traces(block, row, blamed, points),
        )

    def _features(
        self, block: ScoredBlock, verdict: Verdict, row: int, blamed: tuple[str, ...]
    ) -> tuple[FeatureShare, ...]:
        """The features of these tags that are farthest from their norm; of shares only those of tags are known."""
        names, at = self._known(block.tags, verdict.tags)
        values = block.values[row, at]
        deviation = self._norm.deviation(names, block.features, values)
        picked = [names.index(tag) for tag in blamed if tag in names]
        cells = [(tag, feature) for tag in picked for feature in range(len(block.features))]
        cells.sort(key=lambda cell: -deviation[cell])
        return tuple(
            FeatureShare(names[tag], block.features[feature], float(values[tag, feature]), NAN)
            for tag, feature in cells[:_FEATURES]
        )

    def _known(self, tags: TagTable, wanted: tuple[str, ...]) -> tuple[tuple[str, ...], list[int]]:
        """Those of the tags that the asset has, and where they stand; looked up once, as long as nothing changes."""
        if self._asked != (tags, wanted):  # quick where they are the same objects, as they are from window to window
            place = {name: number for number, name in enumerate(tags.names)}
            names = tuple(name for name in wanted if name in place)
            self._asked, self._found = (tags, wanted), (names, [place[name] for name in names])
        return self._found

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        scores = [[end, None if score != score else score] for end, score in self._scores]  # noqa: PLR0124 - NaN
        return {"scores": scores, "norm": self._norm.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Memory:
        """Inverse of `to_json`."""
        memory = cls()
        memory._scores.extend((end, NAN if score is None else score) for end, score in data["scores"])
        memory._norm = FeatureNorm.from_json(data["norm"])
        return memory


def _traces(block: ScoredBlock, row: int, blamed: tuple[str, ...], points: int) -> tuple[Trace, ...]:
    window = block.window
    if window is None or not points:
        return ()
    known = [name for name in blamed if name in block.tags.names]
    return tuple(_trace(window, row, block.tags.index(name), points) for name in known[:_TRACES])


def _trace(window: WindowBlock, row: int, tag: int, points: int) -> Trace:
    first = int(window.sizes[:row].sum())
    span = slice(first, first + int(window.sizes[row]))
    rows = np.flatnonzero(window.tag[span] == tag) + first
    facts = window.tags.tags[tag]
    start = int(window.start[row])
    return Trace(facts.name, facts.unit, downsample(window.time[rows], window.value[rows], start, points))
