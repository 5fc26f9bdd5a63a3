"""Rows to learn from: what the windows of a recording gave, with all that a bundle says about them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import RowsRefused, TrainingRefused
from models.features import FeatureSet

LEVELS = ("mean", "tw_mean")
"""Features that say where a tag stood in a window; a detector that remembers judges one of them, of each tag."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureRows:
    """Windows of one or several assets of one kind, in time order.

    scikit-learn takes it as a matrix float64[n, tags * features], and it can be cut: `rows[:1000]`.

    Attributes:
        values: float64[n, tags, features]; NaN = missing, or covered too little.
        starts: int64[n], start of each window, event time, ns since the epoch; never falling.
        assets: int64[n], which asset each row is of; assets that were recorded together share their starts.
        tags: Names.
        units: Engineering unit of each tag, "" where it has none.
        features: Names of the columns of each tag.
        feature_set: The set they are of.
        window_length_ns: Length of a window.
        window_every_ns: From the start of one window of an asset to the next.
        min_coverage: Share of expected good samples of a tag below which its values are NaN here, 0..1.

    Raises:
        RowsRefused: `values` has another shape.
        TrainingRefused: `starts` has another length, or falls.
    """

    values: NDArray[np.float64]
    starts: NDArray[np.int64]
    tags: tuple[str, ...]
    feature_set: FeatureSet
    window_length_ns: int
    window_every_ns: int
    features: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    assets: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    min_coverage: float = 0.8

    def __post_init__(self) -> None:
        fill = object.__setattr__
        fill(self, "features", self.features or self.feature_set.features)
        fill(self, "units", self.units or ("",) * len(self.tags))
        if not len(self.assets):
            fill(self, "assets", _turns(self.starts))
        want = len(self.tags), len(self.features)
        if self.values.ndim != 3 or self.values.shape[1:] != want:
            raise RowsRefused("the model", self.values.shape, want)
        if self.starts.shape != (len(self.values),) or self.assets.shape != self.starts.shape:
            rule = f"must hold the start of each of the {len(self.values)} rows"
            raise TrainingRefused("starts", self.starts.shape, rule, "Pass what feature_rows gave.")
        if np.any(np.diff(self.starts) < 0):
            raise TrainingRefused("starts", "falling", "rows must be in time order", "Sort them by start.")

    @classmethod
    def from_array(
        cls, values: ArrayLike, *, tags: tuple[str, ...] = (), units: tuple[str, ...] = (), every_s: float = 1.0
    ) -> FeatureRows:
        """Of a table with a column per tag and a row per moment: each row a window of its own, its value the mean.

        Args:
            values: float[n, tags], NaN = missing.
            tags: Names; () = x0, x1, ...
            units: Of each tag.
            every_s: Seconds from one row to the next.
        """
        table = np.asarray(values, dtype=np.float64)
        every_ns = round(every_s * 10**9)
        return cls(
            values=table[:, :, None],
            starts=np.arange(len(table), dtype=np.int64) * every_ns,
            assets=np.zeros(len(table), dtype=np.int64),
            tags=tags or tuple(f"x{at}" for at in range(table.shape[1])),
            units=units,
            feature_set=FeatureSet("level", 1, LEVELS[:1]),
            window_length_ns=every_ns,
            window_every_ns=every_ns,
        )

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, which: slice | NDArray[Any]) -> FeatureRows:
        return replace(self, values=self.values[which], starts=self.starts[which], assets=self.assets[which])

    def holding(self, values: NDArray[np.float64]) -> FeatureRows:
        """Other values of the same tags and features, as of one asset and from the beginning of time."""
        n = len(values)
        starts = np.arange(n, dtype=np.int64) * self.window_every_ns
        return replace(self, values=values, starts=starts, assets=np.zeros(n, dtype=np.int64))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.float64]:  # noqa: FBT001
        return np.array(self.flat, dtype=dtype, copy=copy)

    @property
    def flat(self) -> NDArray[np.float64]:
        """float64[n, tags * features], tag-major."""
        return self.values.reshape(len(self.values), -1)

    @property
    def whole(self) -> NDArray[np.bool_]:
        """bool[n], rows without a hole."""
        return np.asarray(np.isfinite(self.values).all(axis=(1, 2)))

    @property
    def together(self) -> int:
        """Most rows that share a start: assets that were recorded at the same time."""
        return int(np.unique(self.starts, return_counts=True)[1].max(initial=1))

    @property
    def overlap(self) -> int:
        """Windows of an asset that share samples with one window, itself included."""
        return -(-self.window_length_ns // self.window_every_ns)

    def level(self) -> FeatureRows:
        """The same with one feature of each tag, for detectors that remember.

        Raises:
            TrainingRefused: The set has none that says where a tag stood.
        """
        level = next((name for name in LEVELS if name in self.features), None)
        if level is None:
            raise TrainingRefused(
                "feature set",
                self.feature_set.name,
                f"a detector that remembers judges {' or '.join(LEVELS)} of each tag, and it has neither",
                "choose a feature set with it, or a detector that judges each window by itself",
            )
        at = self.features.index(level)
        return replace(self, values=self.values[:, :, at : at + 1], features=(level,))

    def runs(self, warm_up: int = 0) -> list[NDArray[np.int64]]:
        """Which rows belong together, as a detector that remembers is served them: those of an asset, in time order.

        Args:
            warm_up: Rows that the detector warms up for. An asset begins again after a pause longer than that, for what
                is remembered is then of another time.
        """
        order = np.argsort(self.assets, kind="stable")
        new = np.diff(self.assets[order]) != 0
        new |= np.diff(self.starts[order]) > (warm_up + 1) * self.window_every_ns
        return [run for run in np.split(order, np.flatnonzero(new) + 1) if len(run)]


def _turns(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Assets where nobody says whose the rows are: the first row of each start is of the first asset, and so on."""
    begins = np.searchsorted(starts, starts, side="left")
    return np.arange(len(starts)) - begins
