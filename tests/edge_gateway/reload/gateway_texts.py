"""A configuration in pieces, and what is in force of it."""

from __future__ import annotations

from pathlib import Path

from edge_gateway.config.load import load
from edge_gateway.reload.in_force import InForce, digests

HEAD = '[gateway]\nsite = "riverside"\nname = "gw-1"\ndata = "data"\n[[target]]\nkind = "file"\npath = "cloud"\n'
LINK = """
[[modbus]]
name = "{name}"
host = "127.0.0.1"
port = {port}
[[modbus.tags]]
asset = "{asset}"
tag = "{tag}"
address = "holding:100:float32"
"""
RULE = '[[rules]]\nassets = ["{asset}"]\ntag = "{tag}"\nkind = "limit"\nhh = {hh}\n'


def link(name: str, asset: str, tag: str = "flow", port: int = 9) -> str:
    return LINK.format(name=name, asset=asset, tag=tag, port=port)


def rule(asset: str, hh: float = 5.0, tag: str = "flow") -> str:
    return RULE.format(asset=asset, tag=tag, hh=hh)


def write(folder: Path, *pieces: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text("\n".join((HEAD, *pieces)))
    (folder / "cloud").mkdir(exist_ok=True)
    return path


def kept(folder: Path, *pieces: str, generation: int = 1) -> InForce:
    config = load(write(folder, *pieces))
    return InForce(generation, config, digests(config))
