"""What flows after the windows: features and scores of all windows of one asset that closed together, columnar.

Treat every block as immutable: branches of a dataflow share it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_sink.sketch import Sketches
from connectors.samples import SampleBatch
from connectors.tags import TagTable
from flows.window_block import WindowBlock
from models.served import Verdict


@dataclass(slots=True, eq=False, kw_only=True)
class Windows:
    """Which windows closed, and how well each was fed. w windows in order of start, T tags of the asset's table.

    Attributes:
        tags: The asset and its tags.
        start: int64[w], event time, ns, inclusive.
        end: int64[w], exclusive.
        n: int32[w, T], good samples (good status, finite value).
        n_bad: int32[w, T], other samples: counted, never featurized.
        coverage: float32[w, T], n as a share of the samples expected, at most 1; NaN where no interval is known.
        decided_received: ns, when the block that closed these windows was received.
        partial: They were closed early, by a migration, and do not hold all their samples.
        backfilled: They were filled from a history, after event time had passed them.
        window: The samples they hold; None where they are not at hand.
        sketches: One or None for each window; () = None for all.
    """

    tags: TagTable
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    n: NDArray[np.int32]
    n_bad: NDArray[np.int32]
    coverage: NDArray[np.float32]
    decided_received: int
    partial: bool
    backfilled: bool = False
    window: WindowBlock | None = None
    sketches: tuple[Sketches | None, ...] = ()

    def __len__(self) -> int:
        return len(self.start)

    @property
    def good_ratio(self) -> NDArray[np.float32]:
        """float32[w, T], good samples as a share of those that came; NaN where none came."""
        with np.errstate(invalid="ignore"):
            return (self.n / (self.n + self.n_bad)).astype(np.float32)

    @property
    def gap_s(self) -> NDArray[np.float32] | None:
        """float32[w, T], the longest stretch of the window without a good sample of the tag, edges included.

        Computed when it is asked for. None where the samples are not at hand.
        """
        return None if self.window is None else self.window.gap_s

    @property
    def origins(self) -> NDArray[np.uint8] | None:
        """uint8[w, T], bit 1 << `Origin` where the tag has samples that came so, good or not; 0 = has none.

        Computed when it is asked for. None where the samples are not at hand.
        """
        return None if self.window is None else self.window.origins

    @property
    def asset(self) -> str:
        """Name of the asset, the key of the stream."""
        return self.tags.asset


@dataclass(slots=True, eq=False, kw_only=True)
class FeatureBlock(Windows):
    """Closed windows and their features.

    Attributes:
        features: Names, one per column.
        values: float64[w, T, features]; NaN where a feature does not apply, as most do not without a good sample.
    """

    features: tuple[str, ...]
    values: NDArray[np.float64]


@dataclass(slots=True, eq=False, kw_only=True)
class ScoredBlock(FeatureBlock):
    """Closed windows, their features, and what the models say.

    Attributes:
        verdicts: One for each model of the asset, shadows among them; none = it has no model.
    """

    verdicts: tuple[Verdict, ...]

    @classmethod
    def of(cls, block: FeatureBlock, verdicts: tuple[Verdict, ...]) -> ScoredBlock:
        """A featurized block with its verdicts; the arrays are shared."""
        return cls(
            tags=block.tags,
            start=block.start,
            end=block.end,
            n=block.n,
            n_bad=block.n_bad,
            coverage=block.coverage,
            decided_received=block.decided_received,
            partial=block.partial,
            backfilled=block.backfilled,
            window=block.window,
            features=block.features,
            values=block.values,
            verdicts=verdicts,
        )

    @property
    def active(self) -> tuple[Verdict, ...]:
        """Of the models that may alarm."""
        return tuple(verdict for verdict in self.verdicts if not verdict.shadow)

    @property
    def score(self) -> NDArray[np.float64]:
        """float64[w], of the first model that may alarm; 1.0 = the calibrated threshold; NaN = none."""
        active = self.active
        return active[0].score if active else np.full(len(self), np.nan)

    @property
    def model(self) -> str:
        """Of the first model that may alarm, "name@version"; "" = there is none."""
        active = self.active
        return active[0].model if active else ""


@dataclass(slots=True, eq=False)
class LateBlock:
    """Samples that came when every window they belong to was closed. They are in the books as late.

    Attributes:
        samples: As received.
        window_start: int64[n], start of the last window each missed.
        window_end: int64[n], its end, exclusive.
        total: Late samples of the asset so far, these included.
    """

    samples: SampleBatch
    window_start: NDArray[np.int64]
    window_end: NDArray[np.int64]
    total: int

    @property
    def asset(self) -> str:
        """Name of the asset, the key of the stream."""
        return self.samples.asset
