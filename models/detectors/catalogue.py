"""The detectors by the names under which they are trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.detectors.autoencoder import AutoencoderDetector
from models.detectors.ewma_residual import EwmaResidualDetector
from models.detectors.forest import ForestDetector
from models.detectors.knn import NearestDetector
from models.detectors.lagged import DynamicPcaDetector
from models.detectors.level_shift import LevelShiftDetector
from models.detectors.mahalanobis import MahalanobisDetector
from models.detectors.mean_shift import MeanShiftDetector
from models.detectors.missing import MissingDetector
from models.detectors.mixture import MixtureDetector
from models.detectors.pca import PcaDetector
from models.detectors.range_novelty import RangeNoveltyDetector
from models.detectors.raw_rows import RawRowDetector
from models.detectors.row_detector import RowDetector
from models.detectors.smoothing import Smoothing
from models.detectors.stream import StreamDetector
from models.detectors.stuck import StuckDetector
from models.detectors.svm import SvmDetector
from models.detectors.tag_suite import TagSuiteDetector

AnyDetector = RowDetector | RawRowDetector

FOLLOW_ROWS = 50.0 * Smoothing().window
"""Time constant with which the suite's centre follows a plant that drifts. On an anomaly-free run of a rig that warms
up, 0.9 % of the rows were false alarms with it and 7.9 % without (SKAB, 2,000 training rows, limit = largest held-out
score). 10 windows did no better there (1.0 %), and absorbed more of the faults (36.9 % of the rows missed instead of
31.8 % on SKAB; 90.8 % instead of 92.7 % found on Tennessee Eastman)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a detector is made for.

    Attributes:
        features_per_tag: Columns of each tag.
        log_features: Positions of those that measure spread.
        follow_rows: Time constant of a centre that follows; None = it stays. The suite's only.
        seed: Of what is drawn by chance.
    """

    features_per_tag: int = 1
    log_features: tuple[int, ...] = ()
    follow_rows: float | None = FOLLOW_ROWS
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """One detector that can be trained.

    Attributes:
        told: What it is, in a line.
        make: A new one.
        stateful: It remembers: it judges one feature of each tag, in time order, and not each window by itself.
    """

    told: str
    make: Callable[[Wish], AnyDetector]
    stateful: bool = False


def _columns(make: Callable[..., RowDetector]) -> Callable[[Wish], RowDetector]:
    return lambda wish: make(features_per_tag=wish.features_per_tag, log_features=wish.log_features)


def _drawn(make: Callable[..., RowDetector]) -> Callable[[Wish], RowDetector]:
    return lambda wish: make(features_per_tag=wish.features_per_tag, log_features=wish.log_features, seed=wish.seed)


KINDS: dict[str, Kind] = {
    "suite": Kind(
        "four members on smoothed values, the worst counts; its centre follows slow drift",
        lambda wish: StreamDetector(follow_rows=wish.follow_rows, gate=1.0),
        stateful=True,
    ),
    "mahalanobis": Kind("distance from the usual, in units of how tags vary together", _columns(MahalanobisDetector)),
    "pca": Kind("T2 + SPE: within the plane in which tags move together, and away from it", _columns(PcaDetector)),
    "lagged": Kind("PCA of each row with the two before it", lambda _: DynamicPcaDetector(), stateful=True),
    "knn": Kind("distance to the nearest of 256 states the plant has been in", _drawn(NearestDetector)),
    "svm": Kind("one-class support vector machine", _columns(SvmDetector)),
    "autoencoder": Kind("what a small network cannot repeat", _drawn(AutoencoderDetector)),
    "mixture": Kind("distance to the nearest of several modes of operation", _drawn(MixtureDetector)),
    "forest": Kind("isolation forest; worst of all on process data", _drawn(ForestDetector)),
    "tag_suite": Kind("each tag by itself: range novelty and level shift", lambda _: TagSuiteDetector(), stateful=True),
    "range_novelty": Kind("a value beyond all before", lambda _: RangeNoveltyDetector(), stateful=True),
    "level_shift": Kind("a shift beyond all before", lambda _: LevelShiftDetector(), stateful=True),
    "mean_shift": Kind("the last rows against those before", lambda _: MeanShiftDetector(), stateful=True),
    "ewma_residual": Kind("a value away from where it has just been", lambda _: EwmaResidualDetector(), stateful=True),
    "stuck": Kind("a tag that always moved stands still", lambda _: StuckDetector(), stateful=True),
    "missing": Kind("a tag that has no value", lambda _: MissingDetector(), stateful=True),
}
"""By name. `suite` to `forest` judge all tags of an asset together, the others each tag by itself."""
