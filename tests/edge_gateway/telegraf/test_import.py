"""A folder a case: a telegraf.conf, the gateway.toml that comes of it, and what is told of each part."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_gateway.cli import app
from edge_gateway.config.load import load
from edge_gateway.config.modbus import ModbusSection
from edge_gateway.config.pins import PinnedNamespace, Pins, path_of, text
from edge_gateway.config.toml_spots import spots
from edge_gateway.telegraf.convert import Converted, convert
from edge_gateway.telegraf.notes import Fate, Notes
from edge_gateway.telegraf.sieve import sieved

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.name for path in CASES.iterdir())


def converted(case: str) -> Converted:
    source = (CASES / case / "telegraf.conf").read_text(encoding="utf-8")
    return convert(tomllib.loads(source), spots(source), "riverside", "gw-1", "telegraf.conf")


def told(one: Converted) -> str:
    return "".join(f"{note.line}: {note.what}: {note.fate}: {note.told}\n" for note in one.notes)


@pytest.mark.parametrize("case", NAMES)
def test_what_comes_of_it(case: str) -> None:
    one = converted(case)
    assert told(one) == (CASES / case / "notes.txt").read_text(encoding="utf-8")
    if one.tags:
        assert one.text == (CASES / case / "gateway.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", [name for name in NAMES if name != "others"])
def test_the_gateway_takes_it(case: str, tmp_path: Path) -> None:
    one = converted(case)
    path = tmp_path / "gateway.toml"
    path.write_text(one.text, encoding="utf-8")
    pinned = tuple(PinnedNamespace(link="pump", index=index, uri=f"urn:{index}") for index in (2, 3))
    path_of(path).write_text(text(Pins(namespaces=pinned if one.by_index else ())), encoding="utf-8")
    config = load(path, environ={"METERS": "192.0.2.12"})
    tags = [*(tag for link in config.opcua for tag in link.tags)]
    assert len(tags) + sum(len(unit.tags) for line in config.modbus for unit in line.all_units()) == one.tags


@pytest.mark.parametrize("case", NAMES)
def test_every_option_that_is_not_taken_is_told_with_its_line(case: str) -> None:
    """Whatever stands in the file is either in the configuration or in the notes."""
    source = (CASES / case / "telegraf.conf").read_text(encoding="utf-8").splitlines()
    for note in converted(case).notes:
        word = note.what.split('"')[0].strip().split(".")[-1]
        assert note.line
        if note.fate is Fate.LEFT and '"' not in note.what:
            assert word in source[note.line - 1] or word in ("password", "security_policy"), note


def test_what_the_gateway_would_refuse_is_taken_out_and_nothing_else() -> None:
    def tag(name: str, address: str) -> dict[str, str]:
        return {"asset": "a", "tag": name, "address": address}

    line = {"name": "m", "host": "h", "port": "${PORT}", "baudrate": 7, "pause": "1 parsec"}
    units = [
        {
            "unit_id": 1,
            "tags": [tag("one", "coil:1"), tag("t w o", "coil:2"), tag("three", "coil:3"), tag("four", "x")],
        },
        {"unit_id": 300, "tags": [tag("five", "coil:5")]},
        {"unit_id": 3, "tags": [tag("six", "coil:6")]},
    ]
    notes = Notes({})
    made = sieved(ModbusSection, {**line, "units": units}, ("inputs",), notes)
    assert made is not None
    assert made.keys() == {"name", "host", "port", "units"}
    assert [(unit["unit_id"], [one["tag"] for one in unit["tags"]]) for unit in made["units"]] == [
        (1, ["one", "three"]),
        (3, ["six"]),
    ]
    assert sorted(note.told.split(":")[0] for note in notes.notes) == ["300", "baudrate", "four", "pause", "t w o"]
    assert sieved(ModbusSection, {"name": "a b", "host": "h", "tags": [tag("one", "coil:1")]}, (), Notes({})) is None
    assert sieved(ModbusSection, {"name": "m", "host": "h", "tags": [tag("one", "x")]}, (), Notes({})) is None


def run(*words: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["import", *map(str, words)])
    return found.exit_code, found.output


def test_the_command_writes_what_the_gateway_needs_and_never_a_password_into_it(tmp_path: Path) -> None:
    out = tmp_path / "gateway.toml"
    code, output = run(CASES / "opcua" / "telegraf.conf", "--out", out, "--site", "riverside", "--name", "gw-1")
    assert code == 0, output
    assert out.read_text() == (CASES / "opcua" / "gateway.toml").read_text()
    secret = tmp_path / "secrets" / "192.0.2.21-password"
    assert secret.read_text() == "hunter2"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert "hunter2" not in output + out.read_text()
    assert run(CASES / "opcua" / "telegraf.conf", "--out", out)[0] == 2
    assert "is there already" in run(CASES / "opcua" / "telegraf.conf", "--out", out)[1]


def test_what_was_imported_passes_check_once_it_is_resolved(tmp_path: Path) -> None:
    out = tmp_path / "gateway.toml"
    code, output = run(CASES / "opcua_listener" / "telegraf.conf", "--out", out)
    assert (code, f"next: sluicegate resolve {out}" in output) == (0, True)
    assert (tmp_path / "trusted").is_dir()
    check = CliRunner(env={"PLC_PASSWORD": "hunter2"}).invoke(app, ["check", str(out)])
    assert check.exit_code == 2
    assert 'node = "ns=2;s=Pump.Flow": is not resolved yet' in check.output
    pinned = (PinnedNamespace(link="pump", index=index, uri=f"urn:{index}") for index in (2, 3))
    path_of(out).write_text(text(Pins(namespaces=tuple(pinned))))
    check = CliRunner(env={"PLC_PASSWORD": "hunter2"}).invoke(app, ["check", str(out)])
    assert check.exit_code == 0, check.output


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    source = tmp_path / "telegraf.conf"
    source.write_bytes('[[inputs.modbus]]\nname = "°C"\n'.encode("latin-1"))
    code, output = run(source, "--out", tmp_path / "gateway.toml")
    assert (code, "is not UTF-8" in output) == (2, True)


def test_machines_read_it_too(tmp_path: Path) -> None:
    code, output = run(CASES / "modbus_serial" / "telegraf.conf", "--out", tmp_path / "g.toml", "--json")
    report = json.loads(output)
    assert (code, report["written"], report["tags"]) == (0, str(tmp_path / "g.toml"), 1)
    assert {"line": 14, "what": 'inputs.modbus.request.fields "nobody"', "fate": "left out"}.items() <= next(
        note for note in report["notes"] if "nobody" in note["what"]
    ).items()


def test_nothing_is_written_where_there_is_nothing_to_take(tmp_path: Path) -> None:
    code, output = run(CASES / "others" / "telegraf.conf", "--out", tmp_path / "g.toml")
    assert (code, list(tmp_path.iterdir())) == (1, [])
    assert "nothing was written" in output
    broken = tmp_path / "telegraf.conf"
    broken.write_text("[agent]\n  interval = ${INTERVAL}\n")
    code, output = run(broken, "--out", tmp_path / "g.toml")
    assert (code, f"{broken}:2: file: is not TOML: Invalid value" in output) == (2, True)
