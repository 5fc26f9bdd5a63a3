"""What people write: the configuration, register maps, what they ask of alarms through the page or a file."""

from __future__ import annotations

import json
import tempfile
from importlib.resources import files
from pathlib import Path

from connectors.commands.command import Action, Command, decode_command
from connectors.modbus.register_map import RegisterMapRejected, parse_csv, parse_toml
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.page.requests import read_command
from tests.fuzz.doors import Door

NOW = 1_700_000_000 * 10**9


def _configuration(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gateway.toml"
        file.write_bytes(data)
        try:
            load(file)
        except ConfigRejected as rejected:
            if not rejected.problems or not all(one.rule and one.key for one in rejected.problems):
                msg = "refused without a word"
                raise AssertionError(msg) from rejected
            raise


SMALL = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
[windows]
length = "2s"
[[target]]
kind = "file"
path = "target"
[[modbus]]
name = "meters"
host = "127.0.0.1"
[[modbus.units]]
unit_id = 1
[[modbus.units.tags]]
asset = "meter"
tag = "power"
address = "holding:100:float32:CDAB*0.1"
[[rules]]
assets = ["meter"]
tag = "power"
kind = "limit"
h = 5.0
"""
MAP = "tag,address,unit,description\npower,holding:100:float32:CDAB*0.1,kW,active power\nstate,coil:3,,running\n"
MAP_TOML = '[[tags]]\ntag = "power"\naddress = "holding:100:float32"\nunit = "kW"\n'


def _sample() -> bytes:
    return files("edge_gateway").joinpath("sample.toml").read_bytes()


def _asked() -> list[bytes]:
    plain = {"action": "acknowledge", "asset": "pump-1", "alarm": "anomaly", "by": "anna", "alert": "4f2a91c0"}
    return [json.dumps(one).encode() for one in (plain, {**plain, "action": "shelve", "shelve_s": 600})] + [b"[" * 3000]


def _kept() -> list[bytes]:
    return [Command(action=Action.ACKNOWLEDGE, asset="pump-1", alarm="anomaly", at=NOW, by="anna").encode()]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


DOORS = {
    "configuration": Door(_configuration, (ConfigRejected,), lambda: [SMALL.encode(), _sample()], tries=40),
    "register-map-csv": Door(
        lambda data: _some(parse_csv(_text(data), "m.csv")), (RegisterMapRejected,), lambda: [MAP.encode()]
    ),
    "register-map-toml": Door(
        lambda data: _some(parse_toml(_text(data), "m.toml")), (RegisterMapRejected,), lambda: [MAP_TOML.encode()]
    ),
    "page-request": Door(lambda data: _some(read_command(data, NOW)), (ValueError,), _asked),
    "command-file": Door(lambda data: _some(decode_command(data)), (ValueError,), _kept),
}


def _some(found: object) -> None:
    assert found is not None
