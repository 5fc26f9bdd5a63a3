"""`check --connect` against the simulated plant: what is there is shown, what is not is named with its fix."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from connectors.opcua.certificates import CERTIFICATE_FILE, make_self_signed
from connectors.opcua.trust import load_certificate
from edge_gateway.cli import app
from edge_gateway.commands.check_certificate import OURS, THEIRS, check_file
from edge_gateway.commands.check_found import LinkFound
from tests import running

pytestmark = pytest.mark.integration

HEAD = """
[gateway]
site = "s"
name = "g"
data = "data"
[[target]]
kind = "file"
path = "cloud"
"""
OPCUA = """
[[opcua]]
name = "plc"
endpoint = "{opcua_endpoint}"
server_certificate = "{opcua_server_certificate}"
connect_timeout = "2s"
"""
MODBUS = """
[[modbus]]
name = "io"
host = "127.0.0.1"
port = {modbus_port}
timeout = "500ms"
connect_timeout = "2s"
"""
NODE = '[[opcua.tags]]\nasset = "a"\ntag = "{}"\nnode = "{}"\n'
REGISTER = '[[modbus.tags]]\nasset = "b"\ntag = "{}"\naddress = "{}"\n'
PLANT = "nsu=urn:sluicegate:simulator;s=pump-1."

Check = Callable[[str], tuple[Result, dict[str, Any]]]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with running.plant(tmp_path_factory.mktemp("plant")) as station:
        yield station.facts


@pytest.fixture
def check(tmp_path: Path, plant: dict[str, Any]) -> Check:
    def asked(text: str) -> tuple[Result, dict[str, Any]]:
        path = tmp_path / "gateway.toml"
        path.write_text(HEAD + text)
        result = CliRunner().invoke(app, ["check", str(path), "--connect", "--json"], catch_exceptions=False)
        return result, json.loads(result.stdout)

    return asked


def findings(told: dict[str, Any], link: str, what: str) -> dict[str, dict[str, Any]]:
    (found,) = [one for one in told["links"] if one["link"] == link]
    return {one["name"]: one for one in found["findings"] if one["what"] == what}


def test_what_is_there_is_shown(check: Check, plant: dict[str, Any]) -> None:
    text = OPCUA.format(**plant) + NODE.format("flow", PLANT + "flow")
    text += MODBUS.format(**plant) + REGISTER.format("level", "holding:500:float32:CDAB")
    for _ in range(10):  # the registers of the plant are zero until its first step
        result, told = check(text)
        if findings(told, "io", "tag")["b/level"]["facts"]["value"]:
            break
    assert (result.exit_code, told["ok"]) == (0, True), told
    assert findings(told, "plc", "endpoint")[plant["opcua_endpoint"]]["facts"]["policy"] == "Basic256Sha256"
    certificates = findings(told, "plc", "certificate")
    assert {name: one["facts"]["days_left"] > 3000 for name, one in certificates.items()} == {
        "ours": True,
        "theirs": True,
    }
    assert findings(told, "plc", "limits")["OperationLimits"]["facts"]["MaxNodesPerRead"] > 0
    assert abs(findings(told, "plc", "clock")["server - gateway"]["facts"]["seconds"]) < 5
    flow = findings(told, "plc", "tag")["a/flow"]["facts"]
    assert 80 < flow["value"] < 120
    assert flow["status"]["name"] == "Good"
    assert flow["age_s"] < 5
    assert "answered in" in findings(told, "io", "request")["unit 1 holding:500..501"]["found"]
    assert findings(told, "io", "tag")["b/level"]["facts"]["value"] == pytest.approx(3, abs=0.2)


def test_what_is_not_there_is_named_with_its_fix(check: Check, plant: dict[str, Any]) -> None:
    text = OPCUA.format(**plant) + NODE.format("gone", PLANT + "gone") + NODE.format("wave", PLANT + "vibration")
    text += NODE.format("elsewhere", "nsu=urn:elsewhere;s=x") + NODE.format("text", "i=2261")
    text += NODE.format("flow", PLANT + "flow") + "waveform_rate = 10.0\n"
    text += MODBUS.format(**plant) + REGISTER.format("level", "holding:500:float32:CDAB")
    text += REGISTER.format("typo", "holding:510:uint16")
    text += (
        '[[modbus.units]]\nunit_id = 77\n[[modbus.units.tags]]\nasset = "c"\ntag = "t"\naddress = "holding:1:uint16"\n'
    )
    result, told = check(text)
    assert (result.exit_code, told["ok"]) == (1, False)
    tags = findings(told, "plc", "tag")
    assert "sluicegate browse" in tags["a/gone"]["fix"]
    assert "waveform_rate" in tags["a/wave"]["fix"]
    assert "urn:sluicegate:simulator" in tags["a/elsewhere"]["fix"]
    assert "no number" in tags["a/text"]["fix"]
    assert "waveform_rate is for" in tags["a/flow"]["fix"]
    assert findings(told, "io", "tag")["b/level"]["ok"]  # the rest of a refused request is found all the same
    requests = findings(told, "io", "request")
    assert requests["unit 1 holding:500..510"]["ok"]
    assert "b/typo: correct the address" in requests["unit 1 holding:510..510"]["fix"]
    assert "sluicegate scan" in requests["unit 77 holding:1..1"]["fix"]


def test_a_wrong_endpoint_names_itself_and_holds_up_nobody(check: Check, plant: dict[str, Any]) -> None:
    """A18: the gateway starts with what is there; this says what is not."""
    closed = {**plant, "opcua_endpoint": "opc.tcp://127.0.0.1:9/plant"}
    text = OPCUA.format(**closed) + NODE.format("flow", PLANT + "flow")
    text += MODBUS.format(**plant) + REGISTER.format("level", "holding:500:float32:CDAB")
    text += MODBUS.format(modbus_port=9).replace('"io"', '"far"') + REGISTER.format("x", "holding:1:uint16")
    result, told = check(text)
    assert result.exit_code == 1
    for link in ("plc", "far"):
        (endpoint,) = findings(told, link, "endpoint").values()
        assert endpoint["found"] == "not reached"
        assert "check address, cable, firewall" in endpoint["fix"]
    assert findings(told, "io", "tag")["b/level"]["ok"]


def test_a_certificate_that_is_not_trusted_is_told_with_the_command(
    check: Check, plant: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "trusted").mkdir()
    pinned = f'server_certificate = "{plant["opcua_server_certificate"]}"'
    text = OPCUA.format(**plant).replace(pinned, 'trust_folder = "trusted"') + NODE.format("flow", PLANT + "flow")
    result, told = check(text)
    assert result.exit_code == 1
    (endpoint,) = findings(told, "plc", "endpoint").values()
    assert "sluicegate cert trust" in endpoint["fix"]


def test_a_configuration_that_cannot_be_used_is_told_before_anybody_is_asked(check: Check) -> None:
    result, told = check('[[opcua]]\nname = "plc"\n')
    assert result.exit_code == 2
    assert "links" not in told
    assert "opcua[0]" in told["problems"][0]["key"]


def test_people_get_every_problem_in_a_line(tmp_path: Path, plant: dict[str, Any]) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(HEAD + MODBUS.format(modbus_port=9) + REGISTER.format("x", "holding:1:uint16"))
    result = CliRunner().invoke(app, ["check", str(path), "--connect"])
    assert result.exit_code == 1
    assert "missing: io, endpoint tcp 127.0.0.1:9: not reached" in result.output
    assert "1 to do" in result.output


@pytest.mark.parametrize(("days", "is_ok"), [(400, True), (29, False), (-3, False)])
def test_a_certificate_that_ends_soon_is_told(days: int, is_ok: bool, tmp_path: Path) -> None:
    make_self_signed(tmp_path, "urn:test", ["localhost"], years=1)
    link, path = LinkFound("l", "OPC-UA", "w"), tmp_path / CERTIFICATE_FILE
    ends = load_certificate(path).not_valid_after_utc
    check_file(link, OURS, path, ends - dt.timedelta(days=days))
    (told,) = link.findings
    assert (told.is_ok, told.facts["days_left"]) == (is_ok, days)
    assert is_ok or "sluicegate cert init" in told.fix


def test_a_file_without_a_certificate_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing")
    link = LinkFound("l", "Modbus", "w")
    check_file(link, THEIRS, tmp_path / "no.pem", dt.datetime.now(dt.UTC))
    assert "holds none" in link.findings[0].found
    assert not link.is_ok


def test_what_devices_say_cannot_command_a_terminal() -> None:
    link = LinkFound("l", "OPC-UA", "w")
    link.add("tag", "a\x1b[2J", "b\x07")
    assert link.findings[0].name == "a\\x1b[2J"
    assert link.findings[0].found == "b\\x07"
