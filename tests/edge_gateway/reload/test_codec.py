"""A configuration goes through the kept file unchanged, whatever it has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import edge_gateway
from edge_gateway.config.load import load
from edge_gateway.config.section import Section
from edge_gateway.reload.codec import _all_sections, decode, encode

SAMPLE = Path(edge_gateway.__file__).parent / "sample.toml"


def test_the_sample_comes_back_as_it_was() -> None:
    config = load(SAMPLE)
    again = decode(json.loads(json.dumps(encode(config))))
    assert again == config
    assert again.opcua[0].tags == config.opcua[0].tags
    assert type(again.gateway.data) is type(config.gateway.data)


def test_what_maps_globs_tables_and_calendars_bring_comes_back(tmp_path: Path) -> None:
    (tmp_path / "meter.csv").write_text("tag,address,unit\nvolts,holding:1:uint16*0.1,V\n")
    (tmp_path / "gateway.tags.toml").write_text(
        '[[globs]]\nlink = "plc"\nglob = "flow*"\n'
        'tags = [ { asset = "pump", tag = "flow_1", node = "nsu=urn:x;s=flow_1", unit = "l/s" } ]\n'
    )
    (tmp_path / "gateway.toml").write_text("""
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
[[opcua]]
name = "plc"
endpoint = "opc.tcp://127.0.0.1:4840"
policy = "None"
mode = "None"
[[opcua.globs]]
glob = "flow*"
sampling_interval = "100ms"
[[modbus]]
name = "meter"
host = "127.0.0.1"
[[modbus.units]]
unit_id = 1
map = "meter.csv"
asset = "meter"
[[modbus.units.tags]]
asset = "meter"
tag = "amps"
address = { table = "holding", address = 5, kind = "uint16", scale = 0.5 }
[[rules]]
assets = ["meter"]
tag = "volts"
kind = "limit"
hh = 250.0
[[maintenance]]
assets = ["meter"]
from = "06:00"
to = "08:00"
days = ["sat"]
zone = "UTC"
[[target]]
kind = "file"
path = "cloud"
""")
    config = load(tmp_path / "gateway.toml")
    again = decode(json.loads(json.dumps(encode(config))))
    assert again == config
    assert again.maintenance[0].period() == config.maintenance[0].period()
    assert again.rules[0].rules() == config.rules[0].rules()


def test_sections_have_names_of_their_own() -> None:
    names = [kind.__name__ for kind in set(_all_sections(Section))]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "data", [[], {}, {"section": "Nothing", "keys": {}}, {"us": 1}, {"value": "Address", "of": {}}]
)
def test_what_is_no_configuration_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="configuration"):
        decode(data)
