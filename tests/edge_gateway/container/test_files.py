"""Containerfile, k3s.yaml and the example configuration: read by the tools that will read them, and by the gateway."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import edge_gateway
from edge_gateway import __version__
from edge_gateway.config.load import load
from tests.edge_gateway.container.tools import tool

CONTAINER = Path(edge_gateway.__file__).parent / "container"


def test_hadolint_has_nothing_to_say() -> None:
    read = tool("hadolint", CONTAINER / "Containerfile")
    assert (read.returncode, read.stdout) == (0, "")


def test_kubernetes_knows_every_word_of_the_manifest() -> None:
    for version in ("1.25.0", "1.37.0"):
        read = tool("kubernetes-validate", "--strict", "-k", version, CONTAINER / "k3s.yaml")
        assert read.returncode == 0, read.stdout + read.stderr
        assert read.stdout.count("passed") == 4


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    documents = yaml.safe_load_all((CONTAINER / "k3s.yaml").read_text(encoding="utf-8"))
    return {document["kind"]: document for document in documents}


def test_there_is_never_more_than_one_on_a_volume(manifest: dict[str, Any]) -> None:
    spec = manifest["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert "HorizontalPodAutoscaler" not in manifest
    assert manifest["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_the_pod_may_do_nothing_but_its_work(manifest: dict[str, Any]) -> None:
    pod = manifest["Deployment"]["spec"]["template"]["spec"]
    (gateway,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert gateway["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] == 30


def test_what_the_pod_mounts_is_there(manifest: dict[str, Any]) -> None:
    pod = manifest["Deployment"]["spec"]["template"]["spec"]
    (gateway,) = pod["containers"]
    assert {mount["name"] for mount in gateway["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    sources = {volume["name"]: volume for volume in pod["volumes"]}
    assert (
        sources["state"]["persistentVolumeClaim"]["claimName"] == manifest["PersistentVolumeClaim"]["metadata"]["name"]
    )
    assert sources["etc"]["configMap"]["name"] == manifest["ConfigMap"]["metadata"]["name"]
    assert sources["secrets"]["secret"]["secretName"] == manifest["Secret"]["metadata"]["name"]
    labels = manifest["Deployment"]["spec"]["selector"]["matchLabels"]
    assert manifest["Deployment"]["spec"]["template"]["metadata"]["labels"] == labels


def test_probes_ask_what_the_image_asks(manifest: dict[str, Any]) -> None:
    (gateway,) = manifest["Deployment"]["spec"]["template"]["spec"]["containers"]
    asked = ["sluicegate", "health", "/etc/sluicegate/gateway.toml"]
    for probe in ("startupProbe", "livenessProbe"):
        assert gateway[probe]["exec"]["command"] == asked
    assert str(asked).replace("'", '"') in (CONTAINER / "Containerfile").read_text(encoding="utf-8")


def test_the_image_is_the_one_of_this_version(manifest: dict[str, Any]) -> None:
    (gateway,) = manifest["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert gateway["image"] == f"localhost/sluicegate:{__version__}"
    for file in ("compose.yaml", "compose.demo.yaml"):
        tags = re.findall(r"image: localhost/sluicegate(?:-demo)?:(\S+)", (CONTAINER / file).read_text())
        assert tags == [__version__]


@pytest.mark.parametrize("source", ["k3s.yaml", "etc/gateway.toml"])
def test_a_gateway_takes_the_example(source: str, manifest: dict[str, Any], tmp_path: Path) -> None:
    text = (CONTAINER / source).read_text(encoding="utf-8")
    if source == "k3s.yaml":
        text = manifest["ConfigMap"]["data"]["gateway.toml"]
    secrets = re.findall(r'"(/run/secrets/[^"]+)"', text)
    assert len(secrets) == 1
    (tmp_path / "secret").write_text("x")
    (tmp_path / "gateway.toml").write_text(text.replace(secrets[0], str(tmp_path / "secret")))
    config = load(tmp_path / "gateway.toml")
    assert str(config.gateway.data).startswith("/var/lib/sluicegate/"), "the one place that it may write to"
    if source == "k3s.yaml":
        assert Path(secrets[0]).name in manifest["Secret"]["stringData"]
