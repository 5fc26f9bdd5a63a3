"""compose.yaml and what it names: everything is there, nothing secret stands in it, and the parts fit one another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import edge_gateway
from cloud_sink.grafana.files import FOLDER as DASHBOARDS
from edge_gateway.config.load import load
from edge_gateway.demo import grafana
from edge_gateway.demo.files import config_text
from tests.edge_gateway.container.tools import tool

ROOT = Path(__file__).parents[3]
CONTAINER = Path(edge_gateway.__file__).parent / "container"
PLANT = {
    "opcua_endpoint": "opc.tcp://127.0.0.1:4840",
    "opcua_server_certificate": "plant/cert.der",
    "modbus_host": "127.0.0.1",
    "modbus_port": 5020,
    "unit_id": 1,
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CONTAINER / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_what_is_mounted_is_there(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for mount in service["volumes"]:
            source = mount.replace("${CONFIG:-./etc}", "./etc").split(":")[0]
            if source.startswith("."):
                assert (CONTAINER / source).exists(), mount
                assert mount.endswith(":ro")
            else:
                assert source in compose["volumes"]
        assert set(service["secrets"]) <= set(compose["secrets"])


def test_ports_are_for_this_machine_only(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_images_are_named_with_their_version(compose: dict[str, Any]) -> None:
    images = [service["image"] for service in compose["services"].values()]
    assert all(re.search(r":\d+\.\d+", image) for image in images)


@pytest.mark.parametrize("files", [("compose.yaml",), ("compose.yaml", "compose.demo.yaml")])
def test_compose_takes_it_and_the_gateway_may_do_nothing_but_its_work(files: tuple[str, ...], tmp_path: Path) -> None:
    words = [word for name in files for word in ("-f", CONTAINER / name)]
    read = tool("podman-compose", *words, "config", SECRETS=str(tmp_path))
    assert read.returncode == 0, read.stderr
    services = yaml.safe_load(read.stdout)["services"]
    assert set(services) == {"gateway", "influxdb", "grafana"}
    gateway = services["gateway"]
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert gateway["security_opt"] == ["no-new-privileges:true"]
    assert gateway["stop_grace_period"] == "30s"
    assert gateway["build"]["target"] == ("demo" if len(files) == 2 else "gateway")
    assert f"AS {gateway['build']['target']}\n" in (CONTAINER / "Containerfile").read_text()
    assert any(mount.endswith(":/etc/sluicegate:ro") for mount in gateway["volumes"])


def test_influx_is_the_same_for_writer_and_reader(compose: dict[str, Any], tmp_path: Path) -> None:
    text = (CONTAINER / "influx.toml").read_text(encoding="utf-8")
    (tmp_path / "gateway.toml").write_text(config_text(PLANT) + text)
    (section,) = load(tmp_path / "gateway.toml").influx
    made, shown = compose["services"]["influxdb"]["environment"], compose["services"]["grafana"]["environment"]
    assert section.database == made["DOCKER_INFLUXDB_INIT_BUCKET"] == shown["INFLUX_DATABASE"]
    assert section.org == made["DOCKER_INFLUXDB_INIT_ORG"]
    assert section.url == shown["INFLUX_URL"]
    assert str(section.secret_file) == made["DOCKER_INFLUXDB_INIT_ADMIN_TOKEN_FILE"]


def test_grafana_finds_what_is_provisioned(compose: dict[str, Any]) -> None:
    into = dict(mount.removesuffix(":ro").split(":") for mount in compose["services"]["grafana"]["volumes"])
    provider = yaml.safe_load(
        (CONTAINER / "../../cloud_sink/grafana/provisioning/dashboards/sluicegate.yaml").read_text()
    )
    path = provider["providers"][0]["options"]["path"]
    assert path in into.values()
    home = compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DASHBOARDS / Path(home).relative_to(path)).exists()
    source = (CONTAINER / "../../cloud_sink/grafana/provisioning/datasources/v2/influxdb.yaml").read_text()
    given = compose["services"]["grafana"]["environment"].keys() | {"INFLUX_TOKEN"}
    assert set(re.findall(r"\$(\w+)", source)) <= given


def test_secrets_are_made_once(tmp_path: Path) -> None:
    grafana.make_secrets(tmp_path / "secrets")
    first = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert sorted(first) == ["grafana-password", "influx-token"]
    grafana.make_secrets(tmp_path / "secrets")
    assert {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()} == first
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0


def test_without_compose_it_says_how_to_do_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(grafana, "compose_command", lambda: None)
    assert grafana.demo_in_containers(tmp_path / "secrets") == 0
    told = capsys.readouterr().out
    assert "[[influx]]" in told
    assert "dashboards" in told
    assert not (tmp_path / "secrets").exists()
