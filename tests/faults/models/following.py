"""A gateway that follows a channel in a folder, without its processes: polls and steps are made by hand."""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from bundles import CONFIG, make_bundle
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud_sink.egress import EgressLedger
from cloud_sink.errors import DeliveryError
from cloud_sink.targets.base import Shelf
from cloud_sink.targets.file import FileTarget
from edge_gateway.channels.follower import Follower
from edge_gateway.channels.kept import KeptFile
from edge_gateway.channels.outside import Outside
from edge_gateway.config.config import Config
from edge_gateway.model_fit import store_of
from models.bundle import MANIFEST, SIGNATURE
from models.channel import SCHEMA, Channel, Pick, channel_key, write_channel
from models.life.agreement import Agreement
from models.life.record import Life
from models.onnx_scorer import OnnxScorer
from models.signature import TrustedKeys, public_text

KEY, NEXT_KEY, STRANGER = (Ed25519PrivateKey.generate() for _ in range(3))
NOW, HOUR = 1_800_000_000 * 10**9, 3600 * 10**9
MODELS = """
[models]
shadow_windows = 50
trusted_keys = [KEYS]
[[models.channels]]
model = "press"
target = "file"
"""


TryOut = Callable[[Path, TrustedKeys, timedelta], object]


@cache
def made_once(version: str) -> Path:
    """A bundle of that version, trained on its first use."""
    folder = Path(mkdtemp(prefix="sluicegate-bundles-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make_bundle(folder / version, version, seed=int(version), counter=int(version))


def opened_here(folder: Path, keys: TrustedKeys, budget: timedelta) -> object:
    """As `try_bundle`, without a process of its own, which takes half a second."""
    return OnnxScorer.load(folder, keys, budget)


class Following:
    """A place, a publisher and a gateway."""

    def __init__(
        self, folder: Path, *, try_out: Callable[[Path, TrustedKeys, timedelta], object] = opened_here
    ) -> None:
        self.root, self.place, self.made = folder / "data", folder / "place", folder / "made"
        self.place.mkdir()
        self.made.mkdir()
        self.root.mkdir()
        self.now = NOW
        self.keys: tuple[Ed25519PrivateKey, ...] = (KEY,)
        self.try_out = try_out
        self.shelf: Shelf = FileTarget(self.place)
        self.config = CONFIG
        self.start()

    def start(self) -> None:
        """As after a restart."""
        keys = ", ".join(f'"{public_text(key)}"' for key in self.keys)
        text = self.config.replace("[models]\nshadow_windows = 50\n", MODELS.replace("KEYS", keys))
        config = Config.model_validate(tomllib.loads(text))
        here = config.gateway.model_copy(update={"data": self.root})
        config = config.model_copy(update={"gateway": here})
        self.store = store_of(config)
        self.ledger = EgressLedger(self.root)
        kept = KeptFile(self.root)
        outside = Outside(self.shelf, self.ledger, kept, lambda: self.now, self.try_out)
        self.follower = Follower(config, config.models.channels[0], self.store, outside)

    def push(self, version: str, *, key: Ed25519PrivateKey = KEY, made: Path | None = None) -> Pick:
        """A bundle, as `sluicegate model push` puts it there."""
        made = made or shutil.copytree(made_once(version), self.made / version, dirs_exist_ok=True)
        (made / SIGNATURE).write_bytes(key.sign((made / MANIFEST).read_bytes()))
        shutil.copytree(made, self.place / "models" / "press" / version, dirs_exist_ok=True)
        return self.pick(version)

    def pick(self, version: str) -> Pick:
        manifest = self.place / "models" / "press" / version / MANIFEST
        return Pick(version, hashlib.sha256(manifest.read_bytes()).hexdigest())

    def issue(self, pick: Pick, counter: int, *, key: Ed25519PrivateKey = KEY, **more: Any) -> bytes:
        """An issue of the channel, good for a month."""
        channel = Channel(SCHEMA, "press", "stable", counter, self.now, self.now + 30 * 24 * HOUR, pick)
        data = write_channel(replace(channel, **more), key.sign)
        self.put(data)
        return data

    def put(self, data: bytes) -> None:
        path = self.place / channel_key("press", "stable")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def turn(self) -> str:
        """Ask, and step until there is nothing to do; what came in between, in words."""
        try:
            self.follower.poll()
            while self.follower.step():
                pass
        except DeliveryError as error:
            return str(error)
        return ""

    def shadowed(self, windows: int = 50, **more: Any) -> None:
        """The flow has compared the shadow with what is active."""
        life = self.life
        shown = Agreement(f"press@{life.shadow}", f"press@{life.active}", windows=windows, **more)
        self.store.keep_agreement("press", str(life.shadow), shown.encode())

    @property
    def life(self) -> Life:
        return self.store.read().of("press")

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(one.version, one.step.value) for one in self.store.read().changes]

    @property
    def why(self) -> str:
        return self.store.read().changes[-1].why

    @property
    def asked(self) -> list[tuple[str, str]]:
        """From the ledger: key and outcome."""
        lines = (self.root / "egress.jsonl").read_text().splitlines()
        return [(one["key"], one["outcome"]) for one in map(json.loads, lines)]
