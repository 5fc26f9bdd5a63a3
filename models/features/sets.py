"""The named set of features that training and the gateway share, and its computation piece by piece."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.features.registry import Feature, Function, Over, lookup
from models.segments import Segments

# Samples computed at a time: few enough that the intermediates stay in a second-level cache, enough that the price of
# a numpy call does not show. At 100 samples a segment: 46, 23, 20, 20, 33 ns a sample for 4 k, 16 k, 32 k, 64 k, 4 M.
PIECE = 32_768


@dataclass(frozen=True)
class FeatureSet:
    """A named, versioned choice of features: the same object in training and in the gateway.

    Attributes:
        name: For people and manifests.
        version: Raised when what is computed changes.
        features: Names; one with parameters ("quantile:0.9") need not have been made before.

    Raises:
        ValueError: A feature is not registered, not written in its canonical way, stands twice, or there is none.
    """

    name: str
    version: int
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.features or len(set(self.features)) != len(self.features):
            rule, fix = "at least one, each once", "Remove the repeated one."
            msg = f"feature set {self.name!r}: features = {list(self.features)!r}: must be {rule}. {fix}"
            raise ValueError(msg)
        for name in self.features:
            if (canonical := lookup(name).name) != name:
                msg = f"feature set {self.name!r}: {name!r} must be written as {canonical!r}"
                raise ValueError(msg)

    @classmethod
    def from_names(cls, names: Iterable[str], name: str = "custom", version: int = 1) -> FeatureSet:
        """Of names as people write them ("quantile:0.90"); in `features` they stand in their canonical way.

        Raises:
            ValueError: As above.
        """
        return cls(name, version, tuple(lookup(written).name for written in names))

    @cached_property
    def members(self) -> tuple[Feature, ...]:
        """The features themselves."""
        return tuple(lookup(name) for name in self.features)

    @property
    def waveform(self) -> bool:
        """Whether some of it is defined for waveform tags only."""
        return any(member.waveform for member in self.members)

    @cached_property
    def hash(self) -> str:
        """Changes when a name, a formula, the order or the version does; a bundle keeps it."""
        parts = [self.name, str(self.version)]
        for member in self.members:
            parts += [member.name, member.formula]
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]

    @cached_property
    def _columns(self) -> dict[Over, list[tuple[int, Function]]]:
        """Column and function of each feature, by the segments they are handed."""
        columns: dict[Over, list[tuple[int, Function]]] = {}
        for column, member in enumerate(self.members):
            columns.setdefault(member.over, []).append((column, member.function))
        return columns

    def compute(self, segments: Segments) -> NDArray[np.float64]:
        """Every feature of every segment, shape (len(segments), len(self.features)); NaN where it does not apply."""
        out = np.full((len(segments), len(self.members)), np.nan)
        walks: list[tuple[NDArray[np.bool_], list[tuple[int, Function]]]] = []
        for over, columns in self._columns.items():
            present = _present(segments, over)
            same = [others for known, others in walks if np.array_equal(known, present)]
            if same:  # the usual case: one walk, and what is shared is shared by all
                same[0] += columns
            else:
                walks.append((present, list(columns)))
        with np.errstate(all="ignore"):  # overflow shows as a non-finite feature, on which the model abstains
            for present, columns in walks:
                for rows, piece in _pieces(segments, present):
                    for column, function in columns:
                        out[rows, column] = function(piece)
        return out


def _present(segments: Segments, over: Over) -> NDArray[np.bool_]:
    """Which segments a feature is computed of."""
    if over == "all":
        return np.ones(len(segments), dtype=np.bool_)
    present = segments.counts > 0
    return present if over == "samples" else present | segments.context.in_force


def _pieces(segments: Segments, present: NDArray[np.bool_]) -> Iterator[tuple[slice | NDArray[np.int64], Segments]]:
    """These segments, whole, in pieces of about `PIECE` samples, with the rows they fill.

    Those that are left out hold no samples, so what is left is still end to end.
    """
    chosen = np.flatnonzero(present)
    full = len(chosen) == len(segments)
    offsets = segments.offsets if full else np.append(segments.offsets[:-1][chosen], segments.offsets[-1])
    low = 0
    if full and len(chosen) and offsets[-1] <= PIECE:  # small calls are many
        yield slice(None), segments
        return
    while low < len(chosen):
        high = max(low + 1, int(np.searchsorted(offsets, offsets[low] + PIECE, side="right")) - 1)
        yield slice(low, high) if full else chosen[low:high], segments.take(chosen[low:high], offsets[low : high + 1])
        low = high
