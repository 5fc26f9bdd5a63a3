"""Lets a version into the store: fetched whole, tried out where it can do no harm, held against this gateway."""

from __future__ import annotations

import shutil
from pathlib import Path

from cloud_sink.errors import PermanentDeliveryError, TransientDeliveryError, TransientReason
from edge_gateway.channels.fetching import fetch_bundle
from edge_gateway.channels.notebook import Notebook
from edge_gateway.channels.outside import Outside
from edge_gateway.config.config import Config
from edge_gateway.model_fit import assets_of, misfits
from models.bundle import read_manifest
from models.channel import Pick
from models.errors import ChannelRefused, LifeRefused
from models.features import FeatureSet
from models.life import steps
from models.life.store import ModelStore


class Admission:
    """See above. For one thread.

    Args:
        store: Of the gateway's models.
        notes: Of this channel.
        outside: See there.
    """

    def __init__(self, store: ModelStore, notes: Notebook, outside: Outside) -> None:
        self._store = store
        self._notes = notes
        self._outside = outside

    def admit(self, config: Config, pick: Pick) -> None:
        """Fetch, try out, look whether it fits, and only then let it into the store.

        Args:
            config: In force.
            pick: The version.

        Raises:
            ChannelRefused: What lies there is not what was signed.
            BundleRejected: It is no bundle that can be served.
            LifeRefused: It fits this gateway not, or the store does not take it.
            DeliveryError: It did not come.
            OSError: The disk.
        """
        name, root = self._notes.model, self._store.root / "incoming"
        folder = root / f"{name}@{pick.version}"
        for other in root.glob(f"{name}@*") if root.is_dir() else ():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)

        def ask(key: str, most: int) -> bytes:
            try:
                return self._outside.ask(key, most).data or b""
            except PermanentDeliveryError as error:
                raise ChannelRefused(key, "it is larger than its manifest says", "push the version again") from error
            except TransientDeliveryError as error:
                if error.reason is TransientReason.TARGET_MISSING:
                    raise ChannelRefused(key, "it is not there", "push the version again") from error
                raise

        fetch_bundle(ask, name, pick, folder)
        budget = next(model.time_budget for model in config.model if model.name == name)
        try:
            self._outside.try_out(folder, self._store.keys, budget)
            self._check_fit(config, folder)
            self._store.add(folder)
        finally:  # also what was refused: it would be refused again
            shutil.rmtree(folder, ignore_errors=True)
        self._notes.change(lambda lives: steps.added(lives, name, pick.version, self._notes.asked("")))
        self._notes.keep(fetched=tuple(dict.fromkeys((*self._notes.kept.fetched, pick.version))))
        self._notes.over_of(pick.version)

    def _check_fit(self, config: Config, folder: Path) -> None:
        manifest = read_manifest(folder, self._store.keys)
        assets = assets_of(config, self._notes.model)
        for rule, fix in misfits(config, assets, manifest, self._features(config)):
            raise LifeRefused(manifest.model, rule, fix.rstrip("."))

    def _features(self, config: Config) -> FeatureSet:
        """A user's module is imported only where there is one, and a version to be judged."""
        section = config.features
        if section.module is None:
            return section.feature_set()
        from edge_gateway.flow_file import FlowRejected, load_features  # noqa: PLC0415 - see above

        try:
            return load_features(section)
        except FlowRejected as error:  # as a bundle that does not fit: no reason to fetch it again and again
            fix = "correct it, then reload or start again"
            raise LifeRefused(self._notes.model, f"nothing can be judged: {error}", fix) from error
