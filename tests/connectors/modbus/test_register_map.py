from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.modbus.address import parse
from connectors.modbus.address_table import parse_table
from connectors.modbus.map_errors import RegisterMapRejected
from connectors.modbus.register_map import MapEntry, load, parse_csv, parse_toml

CSV = """\
# Energy meter, firmware 2
tag,address,unit,description,poll_interval,valid_max,invalid,counter,texts
voltage,input:0:float32,V,"phase 1, to neutral",,400,,,

energy,input:72:uint32*0.1,kWh,,60s,,0xFFFFFFFF;5,yes,
state,input:90:string4,,,250ms,,,,RUN=1;STOP=0
"""
TOML = """\
[[tags]]
tag = "voltage"
address = "input:0:float32"
unit = "V"
description = "phase 1, to neutral"
valid_max = 400

[[tags]]
tag = "energy"
table = "input"
address = 72
kind = "uint32"
scale = 0.1
unit = "kWh"
poll_interval = "1min"
invalid = [0xFFFFFFFF, 5]
counter = true

[[tags]]
tag = "state"
address = "input:90:string4"
poll_interval = "250ms"
texts = { RUN = 1, STOP = 0 }
"""
ENTRIES = (
    MapEntry("voltage", parse_table({"address": "input:0:float32", "valid_max": 400}), "V", "phase 1, to neutral"),
    MapEntry(
        "energy",
        parse_table({"address": "input:72:uint32*0.1", "invalid": [0xFFFF_FFFF, 5], "counter": True}),
        "kWh",
        poll_interval=timedelta(minutes=1),
    ),
    MapEntry(
        "state",
        parse_table({"address": "input:90:string4", "texts": {"RUN": 1, "STOP": 0}}),
        poll_interval=timedelta(milliseconds=250),
    ),
)


def problems(text: str, name: str = "meter.csv") -> list[str]:
    with pytest.raises(RegisterMapRejected) as caught:
        (parse_csv if name.endswith("csv") else parse_toml)(text, name)
    return [str(problem) for problem in caught.value.problems]


def test_both_forms_say_the_same() -> None:
    assert parse_csv(CSV, "meter.csv") == ENTRIES
    assert parse_toml(TOML, "meter.toml") == ENTRIES


def test_the_table_form_has_a_column_for_each_key() -> None:
    text = "tag;table;address;kind;order;bit;scale\na;holding;0x10;uint16;BA;;2\nb;input;3;;;4;\nc;coil;3;;;;\n"
    entries = parse_csv(text, "m.csv")
    assert [entry.address for entry in entries] == [
        parse("holding:16:uint16:BA*2"),
        parse("input:3:bit4"),
        parse("coil:3"),
    ]


def test_files_are_read_by_their_suffix(tmp_path: Path) -> None:
    (tmp_path / "m.CSV").write_text("\ufeff" + CSV, encoding="utf-8")
    (tmp_path / "m.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "m.xls").write_text("")
    (tmp_path / "latin.csv").write_bytes(b"tag,address\n\xe4,coil:1\n")
    assert load(tmp_path / "m.CSV") == load(tmp_path / "m.toml") == ENTRIES
    with pytest.raises(RegisterMapRejected, match=r"Name it \.csv or \.toml"):
        load(tmp_path / "m.xls")
    with pytest.raises(RegisterMapRejected, match="Save it as UTF-8"):
        load(tmp_path / "latin.csv")


def test_everything_wrong_is_told_at_once_with_its_line() -> None:
    text = """tag,address,scale,poll_interval,counter,texts,invalid

a,holding:40001:int16,,,,,
a,holding:3:int16,x,soon,,,
,holding:4:uint16,,,maybe,,
d,holding:4:string4,,,,RUN,
e,holding:5:uint16,,,,,1;y
f,holding:5:uint16,,,,,1,2
"""
    found = problems(text)
    wanted = [
        ("meter.csv:3: 'holding:40001:int16': 40001 looks like", "would be holding:0."),
        ("meter.csv:4: scale = x: cannot be read", "Give a number."),
        ("meter.csv:4: poll_interval = soon: must be a time above 0", "250ms"),
        ("meter.csv:4: tag = a: stands more than once, first in line 3", "Rename"),
        ("meter.csv:5: tag: is required", "Give the tag a name."),
        ("meter.csv:5: counter = maybe: cannot be read", "largest step"),
        ("meter.csv:6: texts = RUN: cannot be read", "RUN=1;STOP=0"),
        ("meter.csv:7: invalid = 1;y: cannot be read", "0x8000;0x7FFF"),
        ("meter.csv:8: 2: has more than 7 cells", "double quotes"),
    ]
    assert len(found) == len(wanted)
    for begin, end in wanted:
        assert any(problem.startswith(begin) and end in problem for problem in found), (begin, found)


def test_columns_are_checked_first() -> None:
    assert problems("tag,adress,unit,unit,zzz\na,coil:1,,,\n") == [
        "meter.csv:1: adress: unknown column. Did you mean 'address'?",
        "meter.csv:1: unit: stands more than once. Keep one of the columns.",
        "meter.csv:1: unit: stands more than once. Keep one of the columns.",
        problems("tag,address,zzz\n")[0],
        "meter.csv:1: address: is required. Add the column.",
    ]
    assert "is empty" in problems("# nothing\n")[0]
    assert "has no tags" in problems("tag,address\n")[0]


def test_toml_is_told_where_and_what() -> None:
    assert problems('[[tags]]\ntag = "a"\n\n[[tags]]\ntag = 3\naddress = "coil:1"\nunti = "V"\n', "m.toml") == [
        "m.toml:1: address: is required. For example 100, or 'holding:100:uint16'.",
        "m.toml:4: unti = V: unknown key. Did you mean 'unit'?",
        "m.toml:4: tag = 3: must be a text. Put it in quotes.",
    ]
    assert "is not TOML" in problems("[[tags", "m.toml")[0]
    assert "[[tags]]" in problems("tags = 3", "m.toml")[0]
    assert "unknown key" in problems('more = 1\n[[tags]]\ntag = "a"\naddress = "coil:1"', "m.toml")[0]
    assert "has no tags" in problems("tags = []", "m.toml")[0]
