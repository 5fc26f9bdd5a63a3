"""The models that the configuration names by a folder: served as they are, whatever the store says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from edge_gateway.config.config import Config
from edge_gateway.model_fit import misfits
from models.errors import BundleRejected
from models.features import FeatureSet
from models.onnx_scorer import OnnxScorer
from models.refused import RefusedModel
from models.scores import Scorer
from models.served import Served
from models.watchdog import Watchdog

log = structlog.get_logger(__name__)

_Key = tuple[Path, timedelta, str | None]


@dataclass(frozen=True, eq=False)
class FixedModels:
    """What is open.

    Attributes:
        posts: Of each asset, in the order of the tables.
        opened: By folder, time budget and digest of its manifest; one that is named twice is opened once.
    """

    posts: Mapping[str, list[Served]]
    opened: Mapping[_Key, Scorer]


def fixed_models(
    config: Config,
    features: FeatureSet,
    watchdog: Watchdog,
    files: Mapping[str, str] | None = None,
    open_already: Mapping[_Key, Scorer] | None = None,
) -> FixedModels:
    """Open them.

    Args:
        config: Of the gateway.
        features: Its feature set.
        watchdog: Of the flow's thread, which calls them.
        files: Digests of files that the configuration names.
        open_already: By a configuration of before: those stay as they are, and one that is refused raises. None = this
            is a start: one that is refused leaves its post to somebody who says so, rules and other models go on.

    Raises:
        BundleRejected: See `open_already`.
        ModelError: A key that must have signed bundles cannot be read.
    """
    opened: dict[_Key, Scorer] = {}
    posts: dict[str, list[Served]] = {}
    for number, model in enumerate(config.model):
        if model.bundle is None:
            continue
        key = (model.bundle, model.time_budget, (files or {}).get(str(model.bundle / "manifest.json")))
        scorer = opened.get(key) or (open_already or {}).get(key)
        try:
            if scorer is None or isinstance(scorer, RefusedModel):
                loaded = OnnxScorer.load(model.bundle, config.models.keys(), model.time_budget, watchdog)
                for misfit in misfits(config, model.assets, loaded.manifest, features):
                    raise BundleRejected(model.bundle, *misfit)
                scorer = loaded
        except BundleRejected as rejected:
            if open_already is not None:
                raise
            log.error("model_refused", bundle=str(model.bundle), reason=str(rejected))
            scorer = RefusedModel(f"{model.bundle.name}@refused.{number}", str(rejected).rstrip("."))
        opened[key] = scorer
        for asset in model.assets:
            posts.setdefault(asset, []).append(Served(scorer, model.shadow))
    return FixedModels(posts, opened)
