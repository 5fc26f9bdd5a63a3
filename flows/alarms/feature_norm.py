"""How the features of an asset look when nothing is the matter: what a deviation is measured by. Pure."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WEIGHT = np.float32(1 / 30)  # of a new window: the norm forgets within some 30 windows
_LEAST = np.float32(1e-6)  # share of the mean that counts as a spread, or what never moves would deviate infinitely


class FeatureNorm:
    """Running mean and variance of each feature of the tags that a model wants, over windows that were calm.

    In single precision, as it is kept: a restored norm goes on exactly as the one it was made from.
    """

    def __init__(self) -> None:
        self._of: tuple[tuple[str, ...], tuple[str, ...]] | None = None
        self._mean = self._variance = np.empty((0, 0), np.float32)

    def learn(self, tags: tuple[str, ...], features: tuple[str, ...], values: NDArray[np.float64]) -> None:
        """Take in a calm window: float64[tags, features]. Other tags or features than before: begin anew."""
        with np.errstate(over="ignore", invalid="ignore"):
            row = values.astype(np.float32)
            if self._of != (tags, features):
                self._of, self._mean, self._variance = (tags, features), row, np.zeros_like(row)
                return
            off = row - self._mean
            self._mean = self._mean + _WEIGHT * off
            self._variance = (1 - _WEIGHT) * (self._variance + _WEIGHT * off * off)

    def deviation(
        self, tags: tuple[str, ...], features: tuple[str, ...], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Distance of each value from its norm in standard deviations, 0 where that is not known."""
        if self._of != (tags, features):
            return np.zeros_like(values)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            spread = np.sqrt(self._variance.astype(np.float64)) + np.abs(_LEAST * self._mean) + 1e-30
            deviation: NDArray[np.float64] = np.nan_to_num(np.abs(values - self._mean) / spread, nan=0.0)
        return deviation

    def to_json(self) -> dict[str, Any] | None:
        """Names as text, numbers as bytes in base64."""
        if self._of is None:
            return None
        return {"tags": self._of[0], "features": self._of[1], "mean": _text(self._mean), "var": _text(self._variance)}

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> FeatureNorm:
        """Inverse of `to_json`."""
        norm = cls()
        if data is not None:
            norm._of = (tuple(data["tags"]), tuple(data["features"]))
            shape = (len(data["tags"]), len(data["features"]))
            norm._mean, norm._variance = (
                np.frombuffer(base64.b64decode(data[name]), "<f4").reshape(shape) for name in ("mean", "var")
            )
        return norm


def _text(values: NDArray[np.float32]) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode()
