"""The commands against the simulated plant, over real sockets and SignAndEncrypt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from edge_gateway.cli import app
from edge_gateway.config.load import load
from tests import running

FLOW = "nsu=urn:sluicegate:simulator;s=pump-1.flow"
CONFIG = """
[gateway]
site = "s"
name = "g"
data = "data"
[[target]]
kind = "file"
path = "cloud"
[[opcua]]
name = "plant"
endpoint = "{endpoint}"
trust_folder = "trusted"
"""

Sluicegate = Callable[..., Result]


@pytest.fixture
def sluicegate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sluicegate:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with running.plant(tmp_path_factory.mktemp("plant")) as station:
        yield station.facts


@pytest.mark.integration
def test_from_the_first_contact_to_a_configuration(
    sluicegate: Sluicegate, plant: dict[str, Any], tmp_path: Path
) -> None:
    endpoint = plant["opcua_endpoint"]
    refused = sluicegate("browse", endpoint)
    assert refused.exit_code == 2
    assert "Make one: sluicegate cert init" in refused.output

    assert sluicegate("cert", "init").exit_code == 0
    refused = sluicegate("browse", endpoint)
    assert refused.exit_code == 2
    assert "is not trusted" in refused.output
    command = refused.output.strip().splitlines()[-1].split()
    assert command[:3] == ["sluicegate", "cert", "trust"]
    kept = tmp_path / "own" / "sluicegate" / "trusted" / "rejected" / f"{command[3]}.der"
    assert str(kept) in refused.output
    assert kept.read_bytes() == Path(plant["opcua_server_certificate"]).read_bytes()
    assert "rejected" in sluicegate("cert", "list").output

    assert sluicegate(*command[1:]).exit_code == 0
    assert not kept.exists()
    assert "trusted" in sluicegate("cert", "list").output

    found = sluicegate("browse", endpoint, "--json")
    assert found.exit_code == 0, found.output
    tree = json.loads(found.stdout)
    assert tree["security"] == {"policy": "Basic256Sha256", "mode": "SignAndEncrypt"}
    assert "urn:sluicegate:simulator" in tree["namespaces"]
    (flow,) = (one for one in tree["nodes"] if one["path"] == ["pump-1", "flow"])
    assert (flow["node"], flow["data_type"], flow["access"]) == (FLOW, "Double", ["read"])
    assert flow["status"]["name"] == "Good"
    assert flow["value"] > 0

    wrote = sluicegate("browse", endpoint, "--glob", "pump-*/[fh]*", "--write", "tags.toml")
    assert wrote.exit_code == 0, wrote.output
    assert "4 tags" in wrote.output
    assert "motor_current" not in wrote.output
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG.format(endpoint=endpoint) + (tmp_path / "tags.toml").read_text())
    assert FLOW in [tag.node for tag in load(path).opcua[0].tags]
    again = sluicegate("browse", endpoint, "--write", "tags.toml")
    assert again.exit_code == 2
    assert "is there already" in again.output


@pytest.mark.integration
def test_a_gateway_reads(sluicegate: Sluicegate, plant: dict[str, Any], tmp_path: Path) -> None:
    """With the identity and the trust folder of a configuration that has no tags yet; trusted by endpoint."""
    endpoint = plant["opcua_endpoint"]
    (tmp_path / "gateway.toml").write_text(CONFIG.format(endpoint=endpoint))
    be = ("--gateway", "gateway.toml")
    made = sluicegate("cert", "init", *be)
    assert "urn:sluicegate:s:g" in made.output
    assert (tmp_path / "data" / "identity" / "private_key.pem").stat().st_mode & 0o777 == 0o600
    trusted = sluicegate("cert", "trust", endpoint, *be)
    assert trusted.exit_code == 0, trusted.output
    assert len(list((tmp_path / "trusted").glob("*.der"))) == 1

    read = sluicegate("read", endpoint, FLOW, "i=2258", "--json", *be)
    assert read.exit_code == 0, read.output
    flow, clock = json.loads(read.stdout)
    assert flow["node"] == FLOW
    assert flow["value"] > 0
    assert flow["status"] == {"name": "Good", "code": "0x00000000"}
    assert flow["source_time"] <= flow["server_time"]
    assert clock["type"] == "DateTime"

    bad = sluicegate("read", endpoint, FLOW, "nsu=urn:sluicegate:simulator;s=none", "nsu=urn:none;s=x", *be)
    assert bad.exit_code == 1
    assert bad.output.count("BadNodeIdUnknown") == 2
    assert 'namespace "urn:none": the server does not have it' in bad.output

    cut = sluicegate("browse", endpoint, "--depth", "1", *be)
    assert cut.exit_code == 1  # objects only
    assert "cut at --depth 1; " in cut.output
    lost = sluicegate("browse", endpoint, "--start", "nsu=urn:sluicegate:simulator;s=none", *be)
    assert (lost.exit_code, "cannot be browsed" in lost.output) == (1, True)
    none = sluicegate("browse", endpoint, "--insecure")
    assert none.exit_code == 1  # the plant has no endpoint without security
    offered = sluicegate("browse", endpoint, "--mode", "Sign", *be)
    assert offered.exit_code == 2
    assert "it offers Basic256Sha256/SignAndEncrypt" in offered.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("browse", "plc", "--insecure"), "endpoint = plc: must have the form opc.tcp://host:port"),
        (("read", "opc.tcp://127.0.0.1:1", "ns=2;s=x"), 'NODE = "ns=2;s=x": a namespace index may change'),
        (("browse", "opc.tcp://127.0.0.1:1", "--start", "85"), '--start = "85"'),
        (("browse", "opc.tcp://127.0.0.1:1", "--user", "me"), "go together"),
        (("cert", "show"), "Make one: sluicegate cert init"),
        (("cert", "trust", "123"), "is neither opc.tcp://... nor 8 to 40 hexadecimal digits"),
        (("cert", "trust", "12345678"), "is no certificate of"),
        (("cert", "list", "--gateway", "none.toml"), "--gateway = none.toml: cannot be read"),
        (("cert", "list", "--gateway", "g.toml", "--folder", "f"), "stands beside --gateway"),
    ],
)
def test_refusals_name_what_is_wrong(sluicegate: Sluicegate, words: tuple[str, ...], told: str) -> None:
    result = sluicegate(*words)
    assert result.exit_code == 2, result.output
    assert told in result.output


def test_nobody_there_is_no(sluicegate: Sluicegate) -> None:
    result = sluicegate("read", "opc.tcp://127.0.0.1:1", "i=2258", "--insecure")
    assert result.exit_code == 1
    assert "cannot be reached" in result.output


def test_our_certificate_is_made_once(sluicegate: Sluicegate, tmp_path: Path) -> None:
    made = sluicegate("cert", "init", "--folder", "mine", "--host", "gw", "--host", "10.0.0.1")
    assert made.exit_code == 0
    shown = json.loads(sluicegate("cert", "show", "--folder", "mine", "--json").stdout)
    assert shown["hosts"] == ["gw", "10.0.0.1"]
    assert shown["thumbprint"] in made.output
    again = sluicegate("cert", "init", "--folder", "mine")
    assert again.exit_code == 2
    assert "is there already" in again.output
