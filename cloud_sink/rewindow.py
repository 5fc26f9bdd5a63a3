"""Several windows of one asset as one longer window: what is left of detail when there is no room for all of it.

A feature is carried over only where its value of the longer window follows from those of the shorter ones; the others
are left out, so that no column holds a number that its definition does not give. Pure.

Moments are combined about the common mean (Pebay 2008, Formulas for robust, one-pass parallel computation of
covariances and arbitrary-order statistical moments, Sandia report SAND2008-6212), in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cloud_sink.records import OtherScore, WindowSummary
from cloud_sink.sketch import merge

Array = NDArray[np.float64]


class Parts:
    """The windows to be joined, as arrays of windows x tags.

    Attributes:
        n: Good samples.
        seconds: In which a value was in force: length of the window times its coverage, where that is known.
    """

    def __init__(self, windows: Sequence[WindowSummary]) -> None:
        self._windows = windows
        self._names = windows[0].features
        self.n: Array = np.stack([w.n for w in windows]).astype(np.float64)
        lengths = np.array([(w.end - w.start) / 1e9 for w in windows])[:, None]
        coverage = np.stack([w.coverage for w in windows]).astype(np.float64)
        self.seconds: Array = lengths * np.where(np.isnan(coverage), 1.0, coverage)

    def has(self, *names: str) -> bool:
        """Whether all of these features are there."""
        return all(name in self._names for name in names)

    def __getitem__(self, name: str) -> Array:
        """A feature of every window and tag."""
        at = self._names.index(name)
        return np.stack([w.values[:, at] for w in self._windows]).astype(np.float64)


Join = Callable[[Parts, str], Array]


def _weighted(values: Array, weights: Array) -> Array:
    """Mean over the windows; those of weight 0 have no say, whatever they hold. NaN where all are."""
    total = weights.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        joined: Array = np.where(weights > 0, values * weights, 0.0).sum(axis=0) / total
    return joined


def _mean(parts: Parts, name: str) -> Array:
    return _weighted(parts[name], parts.n)


def _root(parts: Parts, name: str) -> Array:
    return np.sqrt(_weighted(parts[name] ** 2, parts.n))


def _sum(parts: Parts, name: str) -> Array:
    joined: Array = np.where(np.isnan(parts[name]), 0.0, parts[name]).sum(axis=0)
    return joined


def _least(parts: Parts, name: str) -> Array:
    joined: Array = np.fmin.reduce(parts[name], axis=0)
    return joined


def _most(parts: Parts, name: str) -> Array:
    joined: Array = np.fmax.reduce(parts[name], axis=0)
    return joined


def _first(parts: Parts, name: str) -> Array:
    values = parts[name]
    there = ~np.isnan(values)
    joined: Array = values[there.argmax(axis=0), np.arange(values.shape[1])]
    return joined


def _last(parts: Parts, name: str) -> Array:
    values = parts[name][::-1]
    there = ~np.isnan(values)
    joined: Array = values[there.argmax(axis=0), np.arange(values.shape[1])]
    return joined


def _range(parts: Parts, name: str) -> Array:  # noqa: ARG001 - a `Join`
    return _most(parts, "max") - _least(parts, "min")


def _crest(parts: Parts, name: str) -> Array:
    largest = np.fmax.reduce(parts[name] * parts["rms"], axis=0)
    root = _root(parts, "rms")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(root == 0, 0.0, largest / root)


def _moments(parts: Parts) -> tuple[Array, Array, Array]:
    """Distance of each window's mean from the common one, and the second moment of each and of all."""
    distance = parts["mean"] - _mean(parts, "mean")
    own = parts["std"] ** 2
    return distance, own, _weighted(own + distance**2, parts.n)


def _std(parts: Parts, name: str) -> Array:  # noqa: ARG001 - a `Join`
    return np.sqrt(_moments(parts)[2])


def _skewness(parts: Parts, name: str) -> Array:
    distance, own, all_second = _moments(parts)
    third = _weighted(parts[name] * own**1.5 + 3 * distance * own + distance**3, parts.n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(all_second == 0, 0.0, third / all_second**1.5)


def _kurtosis(parts: Parts, name: str) -> Array:
    distance, own, all_second = _moments(parts)
    third = parts["skewness"] * own**1.5
    fourth = (parts[name] + 3) * own**2
    fourth = _weighted(fourth + 4 * distance * third + 6 * distance**2 * own + distance**4, parts.n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(all_second == 0, 0.0, fourth / all_second**2 - 3)


def _timed_mean(parts: Parts, name: str) -> Array:
    return _weighted(parts[name], np.where(np.isnan(parts[name]), 0.0, parts.seconds))


def _timed_root(parts: Parts, name: str) -> Array:
    return np.sqrt(_weighted(parts[name] ** 2, np.where(np.isnan(parts[name]), 0.0, parts.seconds)))


def _timed_std(parts: Parts, name: str) -> Array:
    distance = parts["tw_mean"] - _timed_mean(parts, "tw_mean")
    weights = np.where(np.isnan(parts[name]), 0.0, parts.seconds)
    return np.sqrt(_weighted(parts[name] ** 2 + distance**2, weights))


# By the name before its first colon: how to join, and what else must be there. The definitions are in models/README.md.
# Energies in bands are means of squares, so their mean over windows is Welch's estimate of them.
JOINS: Mapping[str, tuple[Join, tuple[str, ...]]] = {
    "mean": (_mean, ()),
    "std": (_std, ("mean",)),
    "skewness": (_skewness, ("mean", "std")),
    "kurtosis": (_kurtosis, ("mean", "std", "skewness")),
    "rms": (_root, ()),
    "min": (_least, ()),
    "max": (_most, ()),
    "range": (_range, ("min", "max")),
    "crest": (_crest, ("rms",)),
    "first": (_first, ()),
    "last": (_last, ()),
    "count": (_sum, ()),
    "energy": (_sum, ()),
    "band_energy": (_mean, ()),
    "octave_energy": (_mean, ()),
    "travel": (_sum, ()),
    "time_above": (_sum, ()),
    "time_in_state": (_sum, ()),
    "tw_mean": (_timed_mean, ()),
    "tw_rms": (_timed_root, ()),
    "tw_std": (_timed_std, ("tw_mean",)),
    "tw_min": (_least, ()),
    "tw_max": (_most, ()),
    "tw_last": (_last, ()),
}


def join(windows: Sequence[WindowSummary]) -> WindowSummary:
    """One summary from the start of the first window to the end of the last.

    Score, threshold and model are those of the window that stood out most; coverage is of the whole span.

    Args:
        windows: At least one, of one asset with the same tags and features, in order of time, none overlapping.
    """
    first, last = windows[0], windows[-1]
    parts = Parts(windows)
    kept = [name for name in first.features if (rule := JOINS.get(_base(name))) and parts.has(*rule[1])]
    columns = [JOINS[_base(name)][0](parts, name) for name in kept]
    values = np.stack(columns, axis=1) if kept else np.zeros((len(first.tags), 0))
    lengths = np.array([w.end - w.start for w in windows])
    coverage = np.stack([w.coverage for w in windows]).astype(np.float64)
    told = max(windows, key=lambda w: -np.inf if np.isnan(w.score) else w.score)
    return WindowSummary(
        first.asset,
        first.start,
        last.end,
        first.tags,
        tuple(kept),
        parts.n.sum(axis=0).astype(np.int32),
        np.stack([w.n_bad for w in windows]).sum(axis=0).astype(np.int32),
        (lengths @ coverage / (last.end - first.start)).astype(np.float32),
        values.astype(np.float32),
        told.score,
        told.threshold,
        told.model,
        any(w.partial for w in windows),
        any(w.backfilled for w in windows),
        _others(windows),
    )


def _others(windows: Sequence[WindowSummary]) -> tuple[OtherScore, ...]:
    """Of each further model the score that stood out most."""
    found: dict[tuple[str, bool], float] = {}
    for other in (other for window in windows for other in window.others):
        found[other.model, other.shadow] = float(np.fmax(found.get((other.model, other.shadow), np.nan), other.score))
    return tuple(OtherScore(model, score, shadow) for (model, shadow), score in found.items())


def with_all_sketches(whole: WindowSummary, windows: Sequence[WindowSummary]) -> WindowSummary:
    """The joined window with the quantile sketches of all, also of those that were left out: counts merge exactly."""
    found = [window.sketches for window in windows if window.sketches is not None]
    return replace(whole, sketches=merge(found)) if found else whole


def side_by_side(windows: Sequence[WindowSummary]) -> list[WindowSummary]:
    """Of windows that overlap, as hopping ones do, those that follow one another; what is left out is in them.

    Args:
        windows: Of one asset, in order of start.
    """
    chosen: list[WindowSummary] = []
    for window in windows:
        if not chosen or window.start >= chosen[-1].end:
            chosen.append(window)
    return chosen


def _base(name: str) -> str:
    return name.partition(":")[0]
