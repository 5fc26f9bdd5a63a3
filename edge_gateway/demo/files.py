"""The demo's folder and its gateway.toml: an ordinary configuration that one may run and change afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.simulator.tags import MODBUS_POINTS, OPCUA_POINTS, PUMPS, TABLES
from edge_gateway.claim import FolderRefused, claim

_MARKER = ".sluicegate-demo"  # what begins so is ours, and says that the folder is a demo's
WINDOW = "3s"
LATENESS = "1s"


@dataclass(frozen=True, slots=True)
class DemoFiles:
    """Where the demo keeps what."""

    root: Path

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.root / "gateway.toml"

    @property
    def data(self) -> Path:
        """The gateway's data folder."""
        return self.root / "data"

    @property
    def cloud(self) -> Path:
        """The target folder."""
        return self.root / "cloud"

    @property
    def away(self) -> Path:
        """Where the target folder is while the uplink is cut."""
        return self.root / "cloud-unplugged"

    @property
    def plant(self) -> Path:
        """The plant's folder, with its certificates."""
        return self.root / "plant"

    @property
    def bundle(self) -> Path:
        """The trained model."""
        return self.root / "models" / "pump"

    @property
    def log(self) -> Path:
        """What the gateway said."""
        return self.root / "gateway.log"

    @property
    def plant_log(self) -> Path:
        """What the plant said."""
        return self.root / "plant.log"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Nobody else plays in the folder while the block runs.

        Raises:
            FolderRefused: Somebody does, it cannot be written, or it holds something and no demo put it there.
        """
        names = [entry.name for entry in self.root.iterdir()] if self.root.is_dir() else []
        if names and not any(name.startswith(_MARKER) for name in names):
            msg = f"{self.root} holds files that are not a demo's: name another --folder"
            raise FolderRefused(msg)
        with claim(self.root, _MARKER):
            yield

    def prepare(self) -> None:
        """Empty the folder of an earlier demo and make it anew; to be called while it is claimed."""
        for entry in self.root.iterdir():
            if entry.name.startswith(_MARKER):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        for folder in (self.cloud, self.plant):
            folder.mkdir(parents=True)

    def write_config(self, plant: dict[str, Any], also: str = "") -> None:
        """Write gateway.toml for a running plant.

        Args:
            plant: What it said when ready.
            also: More of it.
        """
        self.config.write_text(config_text(plant) + also, encoding="utf-8")


def config_text(plant: dict[str, Any]) -> str:
    """A gateway.toml for the plant; paths are relative to its own folder."""
    parts = [
        f"""\
# Written by `sluicegate demo` for its simulated pump station. Every option: edge_gateway/sample.toml
[gateway]
site = "demo"
name = "gateway-1"
data = "data"

[windows]
length = "{WINDOW}"
lateness = "{LATENESS}"

[[model]]
assets = {list(PUMPS)}
bundle = "models/pump"

[alerts]
open_after = 2
clear_after = 2

[outbox]
summary_file = "10s"   # 15min in real life; short here, so that you see files arrive
retry_cap = "2s"

[[target]]
kind = "file"
path = "cloud"

[[opcua]]
name = "plc"
endpoint = "{plant["opcua_endpoint"]}"
server_certificate = "{Path(plant["opcua_server_certificate"]).resolve()}"
publishing_interval = "100ms"
"""
    ]
    for point in OPCUA_POINTS:
        tag = TABLES[point.asset].tags[TABLES[point.asset].index(point.tag)]
        every = f'expect_every = "{tag.interval_s * 1e3:g}ms"'
        pace = f"waveform_rate = {1 / tag.interval_s:g}.0" if tag.waveform else every
        parts.append(
            f"""
[[opcua.tags]]
asset = "{point.asset}"
tag = "{point.tag}"
node = "{point.node}"
unit = "{tag.unit}"
sampling_interval = "0ms"
{pace}
"""
        )
    parts.append(
        f"""
[[modbus]]
name = "io"
host = "{plant["modbus_host"]}"
port = {plant["modbus_port"]}
unit_id = {plant["unit_id"]}
poll_interval = "100ms"
"""
    )
    for register in MODBUS_POINTS:
        tag = TABLES[register.asset].tags[TABLES[register.asset].index(register.tag)]
        parts.append(
            f"""
[[modbus.tags]]
asset = "{register.asset}"
tag = "{register.tag}"
address = "{register.address}"
unit = "{tag.unit}"
"""
        )
    return "".join(parts)
