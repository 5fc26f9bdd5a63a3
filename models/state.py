"""What a model remembers of an asset between two rows: plain arrays, kept by whoever calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

State = tuple[NDArray[np.float64], ...]
"""One array [n, *shape] for each state port of a model, in their order; () where the model is stateless."""


@dataclass(frozen=True, slots=True)
class StatePort:
    """One array of it.

    Attributes:
        name: Input of the graph; the output is called the same with "_next".
        shape: Of one asset; the batch axis comes in front. dtype float64.
        start: Of an asset that has shown nothing yet.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    name: str
    shape: tuple[int, ...]
    start: Literal["zero", "nan"]

    def begin(self, n: int) -> NDArray[np.float64]:
        """Of n assets at their beginning, float64[n, *shape]."""
        return np.full((n, *self.shape), np.nan if self.start == "nan" else 0.0)


def begin(ports: tuple[StatePort, ...], n: int) -> State:
    """Of n assets that have shown nothing yet."""
    return tuple(port.begin(n) for port in ports)
