"""Lines of several units, and register maps, as the configuration has them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.modbus.address_table import parse_table
from connectors.modbus.driver import ModbusDriver
from connectors.modbus.settings import ModbusSettings
from edge_gateway.config.config import Config
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.drivers import make_drivers
from edge_gateway.tables import tag_tables

HEAD = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
[[target]]
kind = "file"
path = "cloud"
"""
LINE = """
[[modbus]]
name = "bus"
transport = "rtu"
device = "/dev/ttyUSB0"
"""
UNIT = """
[[modbus.units]]
unit_id = 2
[[modbus.units.tags]]
asset = "pump-1"
tag = "flow"
address = "holding:4:uint16"
"""
TWO_METERS = """
[[modbus.units]]
unit_id = 11
map = "maps/meter.{form}"
asset = "meter-1"
[[modbus.units]]
unit_id = 12
map = "maps/meter.{form}"
asset = "meter-2"
poll_interval = "5s"
"""
CSV = """tag,address,unit,poll_interval,valid_max
voltage,input:0:float32,V,,400
energy,input:72:uint32*0.1,kWh,1min,
"""
TOML = """
[[tags]]
tag = "voltage"
address = "input:0:float32"
unit = "V"
valid_max = 400
[[tags]]
tag = "energy"
table = "input"
address = 72
kind = "uint32"
scale = 0.1
unit = "kWh"
poll_interval = "1min"
"""


def loaded(folder: Path, text: str) -> Config:
    path = folder / "gateway.toml"
    path.write_text(HEAD + text)
    return load(path)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigRejected) as caught:
        loaded(folder, text)
    return [str(problem) for problem in caught.value.problems]


def told(folder: Path, text: str) -> list[str]:
    """With the places."""
    with pytest.raises(ConfigRejected) as caught:
        loaded(folder, text)
    return [problem.told() for problem in caught.value.problems]


def put_map(folder: Path, form: str, text: str) -> Path:
    (folder / "maps").mkdir(exist_ok=True)
    path = folder / "maps" / f"meter.{form}"
    path.write_text(text)
    return path


def settings(config: Config, monkeypatch: pytest.MonkeyPatch) -> ModbusSettings:
    """What the driver of the only line is made with."""
    given: list[ModbusSettings] = []
    made = ModbusDriver.__init__

    def note(self: ModbusDriver, settings: ModbusSettings, tables: Any) -> None:
        given.append(settings)
        made(self, settings, tables)

    monkeypatch.setattr(ModbusDriver, "__init__", note)
    (driver,) = make_drivers(config, tag_tables(config))
    assert isinstance(driver, ModbusDriver)
    return given[0]


def test_units_take_from_the_line_what_they_do_not_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = """
poll_interval = "2s"
timeout = "300ms"
attempts = 3
max_registers = 64
max_bits = 100
merge_gap = 7
pause = "20ms"
quarantine = "5min"
connect_timeout = "4s"
"""
    own = """poll_interval = "10s"
timeout = "1s"
attempts = 1
max_registers = 8
max_bits = 16
merge_gap = 0
"""
    line = settings(
        loaded(tmp_path, LINE + shared + UNIT + UNIT.replace("= 2", "= 3\n" + own).replace("pump-1", "pump-2")),
        monkeypatch,
    )
    assert (line.pause, line.quarantine_max, line.connect_timeout) == (
        timedelta(milliseconds=20),
        timedelta(minutes=5),
        timedelta(seconds=4),
    )
    first, second = line.units
    assert (first.unit_id, first.poll_interval, first.timeout, first.attempts) == (
        2,
        timedelta(seconds=2),
        timedelta(milliseconds=300),
        3,
    )
    assert (first.max_registers, first.max_bits, first.merge_gap) == (64, 100, 7)
    assert (second.unit_id, second.poll_interval, second.timeout, second.attempts) == (
        3,
        timedelta(seconds=10),
        timedelta(seconds=1),
        1,
    )
    assert (second.max_registers, second.max_bits, second.merge_gap) == (8, 16, 0), "0 is a value, too"


def test_tags_of_the_line_are_those_of_its_own_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = """unit_id = 9
[[modbus.tags]]
asset = "pump-9"
tag = "speed"
address = { address = "holding:8:int16", valid_min = 0, invalid = [0x8000] }
poll_interval = "500ms"
"""
    line = settings(loaded(tmp_path, LINE + tag + UNIT), monkeypatch)
    assert [unit.unit_id for unit in line.units] == [9, 2]
    (speed,) = line.units[0].tags
    assert speed.address == parse_table({"address": "holding:8:int16", "valid_min": 0, "invalid": [0x8000]})
    assert speed.poll_interval == timedelta(milliseconds=500)


@pytest.mark.parametrize(("form", "text"), [("csv", CSV), ("toml", TOML)])
def test_two_units_share_a_map_and_have_assets_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, text: str
) -> None:
    put_map(tmp_path, form, text)
    config = loaded(tmp_path, LINE + TWO_METERS.format(form=form))
    assert [
        (table.asset, [(tag.name, tag.unit, tag.interval_s) for tag in table.tags]) for table in tag_tables(config)
    ] == [
        ("meter-1", [("voltage", "V", 1.0), ("energy", "kWh", 60.0)]),
        ("meter-2", [("voltage", "V", 5.0), ("energy", "kWh", 60.0)]),
    ]
    addresses = [
        parse_table({"address": "input:0:float32", "valid_max": 400}),
        parse_table({"address": "input:72:uint32*0.1"}),
    ]
    for unit, asset in zip(settings(config, monkeypatch).units, ("meter-1", "meter-2"), strict=True):
        assert [(tag.asset, tag.address) for tag in unit.tags] == [(asset, address) for address in addresses]
        assert [tag.poll_interval for tag in unit.tags] == [None, timedelta(minutes=1)]


def test_a_unit_may_have_tags_beside_its_map(tmp_path: Path) -> None:
    put_map(tmp_path, "csv", CSV)
    tag = '[[modbus.units.tags]]\nasset = "meter-2"\ntag = "door"\naddress = "discrete:0"\n'
    config = loaded(tmp_path, LINE + TWO_METERS.format(form="csv") + tag)
    assert tag_tables(config)[1].names == ("door", "voltage", "energy")


def test_all_problems_of_a_map_are_told_once_and_beside_those_of_the_configuration(tmp_path: Path) -> None:
    wrong = (
        CSV + "phase 1,input:4:float32,,,\nfast,input:6:float32,,1ms,\nhum,input:30001:uint16,,,\nvoltage,coil:0,,,\n"
    )
    path = put_map(tmp_path, "csv", wrong)
    found = told(tmp_path, LINE + "pauze = 1\n" + TWO_METERS.format(form="csv"))
    assert len(found) == 3, found
    assert found[0] == f"{tmp_path}/gateway.toml:14: modbus[0] \"bus\".pauze = 1: unknown key. Did you mean 'pause'?"
    assert found[1].startswith(f"{path}:6: address = 'input:30001:uint16': 30001 looks like")
    assert found[2] == f"{path}:7: tag = voltage: stands more than once, first in line 2. Rename or remove all but one."
    path = put_map(tmp_path, "csv", CSV + "phase 1,input:4:float32,,,\nfast,input:6:float32,,1ms,\n")
    assert told(tmp_path, LINE + TWO_METERS.format(form="csv")) == [
        f'{path}:4: tag = "phase 1": has not the right form. '
        "Use letters, digits, '_', '.', '-', at most 63, starting with a letter or digit.",
        f'{path}:5: poll_interval = "1ms": must be at least 10ms. 10ms to 1d.',
    ]


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("maps/none.csv", 'modbus[0].units[0].map = "maps/none.csv": cannot be read: No such file'),
        ("maps", "map: is no form of a register map"),
        ("~nobody-of-that-name/m.csv", "must not begin with '~'"),
        ("", "must be a text that names a file"),
    ],
)
def test_a_map_that_is_not_there_is_one_problem(tmp_path: Path, named: str, told: str) -> None:
    put_map(tmp_path, "csv", CSV)
    unit = f'[[modbus.units]]\nunit_id = 3\nasset = "meter-1"\nmap = "{named}"\n'
    (found,) = problems(tmp_path, LINE + unit)
    assert told in found


def test_an_asset_of_a_map_that_is_no_name_is_one_problem(tmp_path: Path) -> None:
    put_map(tmp_path, "csv", CSV)
    (found,) = problems(tmp_path, LINE + TWO_METERS.format(form="csv").replace("meter-2", "meter 2"))
    assert found.startswith('modbus[0] "bus".units[1].asset = "meter 2": has not the right form.')


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (LINE, "there is nothing to read: list tags under [[modbus.tags]] or units under [[modbus.units]]"),
        (LINE + "[[modbus.units]]\nunit_id = 2\n", "units[0]: there is nothing to read: name a map, or list tags"),
        (LINE + '[[modbus.units]]\nunit_id = 2\nmap = "m.csv"\n', "units[0]: map and asset go together"),
        (LINE + UNIT + UNIT.replace("flow", "power"), "unit 2 stands more than once on this line"),
        (LINE + UNIT.replace("= 2", "= 0"), '"bus": unit_id = 0: means all units of a serial line, and none answers'),
        (LINE.replace('device = "/dev/ttyUSB0"', "") + UNIT, '"bus": device: must not be empty. Give the serial port'),
        (LINE + 'host = "h"\n' + UNIT, '"bus": host = h: is not for rtu. Remove it'),
        (LINE + "port = 502\n" + UNIT, '"bus": port = 502: is not for rtu'),
        (LINE.replace('"rtu"', '"tcp"') + UNIT, '"bus": host: must not be empty. Give a host name'),
        (LINE.replace('"rtu"', '"tcp"') + 'host = "h"\n' + UNIT, "device = /dev/ttyUSB0: is for rtu only"),
        (LINE + 'transaction_id = "ignore"\n' + UNIT, "transaction_id = ignore: cannot be ignored over rtu"),
    ],
)
def test_what_does_not_make_a_line_is_refused(tmp_path: Path, line: str, told: str) -> None:
    (found,) = problems(tmp_path, line)
    assert found.startswith('modbus[0] "bus"')
    assert told in found


def test_unit_0_is_refused_behind_a_converter_but_not_on_a_network(tmp_path: Path) -> None:
    line = LINE.replace('device = "/dev/ttyUSB0"', 'host = "h"')
    unit = UNIT.replace("= 2", "= 0")
    (found,) = problems(tmp_path, line.replace('"rtu"', '"rtu_over_tcp"') + unit)
    assert "unit_id = 0" in found
    loaded(tmp_path, line.replace('"rtu"', '"tcp"') + unit)


TLS = '\n[[modbus]]\nname = "bus"\ntransport = "tls"\nhost = "h"\n'


def test_tls_without_its_files_is_refused_in_the_words_of_the_configuration(tmp_path: Path) -> None:
    own = 'certificate = "own.pem"\nprivate_key = "own.key"\n'
    (found,) = problems(tmp_path, TLS + UNIT)
    assert '"bus": certificate: must be given for tls' in found
    (found,) = problems(tmp_path, TLS + 'certificate = "own.pem"\n' + UNIT)
    assert '"bus": private_key: must be given for tls' in found
    (found,) = problems(tmp_path, TLS + own + UNIT)
    assert "ca_file: with server_certificate = None: exactly one of the two must be given" in found
    (found,) = problems(tmp_path, TLS.replace('"tls"', '"tcp"') + own + UNIT)
    assert "certificate = own.pem: is for tls only" in found


def test_paths_of_a_line_are_taken_against_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = 'certificate = "own.pem"\nprivate_key = "/etc/own.key"\nserver_certificate = "plc.pem"\n'
    line = settings(loaded(tmp_path, TLS + files + UNIT), monkeypatch).endpoint
    assert (line.cert_file, line.key_file) == (tmp_path / "own.pem", Path("/etc/own.key"))
    assert (line.pinned_cert, line.ca_file, line.port) == (tmp_path / "plc.pem", None, 802)


def test_a_serial_port_belongs_to_one_line(tmp_path: Path) -> None:
    second = LINE.replace('"bus"', '"other"')
    (found,) = problems(tmp_path, LINE + UNIT + second + UNIT.replace("pump-1", "pump-2"))
    assert found == (
        'modbus[1] "other".device = "/dev/ttyUSB0": is the port of modbus[0] "bus" already. '
        "List all units of a serial line under one [[modbus]] table, as [[modbus.units]]."
    )
    loaded(tmp_path, LINE + UNIT + second.replace("USB0", "USB1") + UNIT.replace("pump-1", "pump-2"))
