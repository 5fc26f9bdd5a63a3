"""The words between a flow and the models it serves: which ones, what each said of a window, how its calls went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.scores import Scorer


@dataclass(frozen=True, slots=True)
class Served:
    """A model at its post on an asset.

    Attributes:
        scorer: The model.
        shadow: It scores, and never alarms.
    """

    scorer: Scorer
    shadow: bool = False


class Why(IntEnum):
    """Why a window has a score, or none."""

    JUDGED = 0
    QUALITY = 1
    """A tag is covered too little or has no number, or had none so lately that the model still remembers it."""
    WARMING_UP = 2
    """A stateful model has not seen enough of the asset yet."""
    NOT_FED = 3
    """A window that was cut short or filled from a history: a stateful model sees none of these."""
    NO_NUMBER = 4
    """The model said NaN or infinity of a row that it should have judged."""
    FAILED = 5
    """The call failed or took longer than it may; the rows of it have no score."""
    OFF = 6
    """It failed so often in a row that it is not called any more."""


@dataclass(slots=True, eq=False)
class Verdict:
    """What one model says of the w windows of a block. M = tags the model wants. Treat as immutable.

    Attributes:
        model: "name@version".
        tags: Names of the tags the model wants.
        score: float64[w]; 1.0 = the calibrated threshold; NaN = none, `why` says why.
        why: uint8[w], a `Why` each.
        contributions: float64[w, M]: share of each tag in the score; NaN where there is none.
        coverage: float32[w, M]: coverage of each; 0 for a tag without a good sample or that the asset lacks.
        min_coverage: Below this in any tag a stateless model abstains, and a stateful one takes the tag as missing.
        shadow: It never alarms.
    """

    model: str
    tags: tuple[str, ...]
    score: NDArray[np.float64]
    why: NDArray[np.uint8]
    contributions: NDArray[np.float64]
    coverage: NDArray[np.float32]
    min_coverage: float
    shadow: bool = False

    @property
    def name(self) -> str:
        """Of the model, without its version."""
        return self.model.rpartition("@")[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a pass went for one model.

    Attributes:
        model: "name@version".
        rows: Rows it was given.
        seconds: All its calls of this pass took.
        trouble: "" = none, "failed", "slow", "no_number", or "misfit": it wants features that are not computed.
        detail: One sentence for people.
        off: From now on it is not called any more.
    """

    model: str
    rows: int
    seconds: float
    trouble: str = ""
    detail: str = ""
    off: bool = False


class Models(Protocol):
    """What a flow asks for models. Implementations: `models.roster.Roster`; the gateway's; lists in tests."""

    def of(self, asset: str) -> Sequence[Served]:
        """Those of an asset as of now; the first one that is no shadow has the asset's plain alarms.

        Asked for every block, between two passes: whoever answers otherwise than before swaps models at the boundary
        of a window, with another sequence; one that was given out is not changed. Must be cheap. A version is one
        scorer: of two objects with the same "name@version" that serve in a pass, one is called for both.
        """
        ...

    def noted(self, outcome: Outcome) -> None:
        """How a pass went; called after it, for every model that had rows in it."""
        ...

    def judged(self, asset: str, ends: NDArray[np.int64], verdicts: Sequence[Verdict]) -> None:
        """What the models of an asset that has a shadow said of windows that end then (int64[w], event time, ns)."""
        ...
