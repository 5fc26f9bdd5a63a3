"""The image as it is run: what it may, how soon it is healthy, how it stops, and what is left after it was killed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.simulator.recorder import simulate
from connectors.simulator.tags import PUMPS, TABLES
from edge_gateway.demo.files import config_text
from edge_gateway.layout import Layout
from edge_gateway.status import PAGE, ROLES
from edge_gateway.training import train_bundle
from tests.e2e.arrived import alerts, assert_nothing_lost_or_doubled
from tests.e2e.test_socket_to_cloud import WINDOWS
from tests.edge_gateway.container.engine import CannotRunError, Engine, engine
from tests.running import Plant, plant, until

pytestmark = [pytest.mark.container, pytest.mark.timeout(240)]

IMAGE = "localhost/sluicegate-ci:gateway"
STATE, CONFIG = "/var/lib/sluicegate", "/etc/sluicegate"
LARGEST = 450_000_000
HEALTHY_WITHIN_S = 6.0
"""From `podman run`; 5 s of CPU time, so about 3 s on two idle cores. Twice that, for cores that are not idle."""
STOPS_WITHIN_S = 20.0


@pytest.fixture(scope="module")
def podman() -> Iterator[Engine]:
    try:
        with engine(IMAGE) as found:
            yield found
    except CannotRunError as error:
        pytest.skip(f"NOT RUN: {error}")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("station") / "plant") as running:
        yield running


@pytest.fixture(scope="module")
def etc(station: Plant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is mounted as /etc/sluicegate: the configuration, a model, the certificate of the plant."""
    folder = tmp_path_factory.mktemp("etc")
    certificate = Path(station.facts["opcua_server_certificate"])
    shutil.copy(certificate, folder / "plc.der")
    text = config_text(station.facts).replace(str(certificate.resolve()), "plc.der")
    for old, new in (
        ('data = "data"', f'data = "{STATE}/data"\nepoch = "1s"'),
        ('path = "cloud"', f'path = "{STATE}/cloud"'),
        ('length = "3s"', 'length = "1s"'),
        ('lateness = "1s"', 'lateness = "500ms"'),
        ('summary_file = "10s"', 'summary_file = "5s"'),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "gateway.toml").write_text(text)
    items = (batch for batch in simulate(300, 11, 1_767_225_600_000_000_000) if batch.asset in PUMPS)
    train_bundle(items, TABLES[PUMPS[0]], WINDOWS, folder / "models/pump", name="pump", version="1")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@dataclass(frozen=True)
class Container:
    podman: Engine
    name: str
    root: Path  # of its volume, as this machine sees it
    options: tuple[str, ...]
    began: float  # monotonic, before it was started

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def cloud(self) -> Path:
        return self.root / "cloud"

    def until_healthy(self, seconds: float) -> None:
        """Asked of the image's own check, once every process has said something: each asking takes CPU time as well."""
        files = [Layout(self.data).status / f"{role}.json" for role in (*ROLES, PAGE)]
        until(lambda: all(file.exists() for file in files), seconds, "every process is there")
        until(lambda: self.podman.succeeds("healthcheck", "run", self.name), seconds, "healthy")

    def until_more_arrives(self) -> None:
        """From devices to the target. Its databases stay closed while it runs: root's files would lie among its own."""
        before = self.objects()
        until(lambda: self.objects() > before + 1, 40, "summaries arrive")

    def objects(self) -> int:
        return sum(1 for _ in (self.cloud / "summaries").rglob("*.parquet"))


@pytest.fixture
def container(podman: Engine, etc: Path, request: pytest.FixtureRequest) -> Iterator[Container]:
    """A new one on a new volume, just started."""
    name = f"sluicegate-ci-{request.node.name.replace('_', '-')[:40]}"
    podman("rm", "--force", "--volumes", "--ignore", name)
    podman("volume", "rm", "--force", name, check=False)
    podman("volume", "create", name)
    try:
        root = Path(podman.inspect("volume", name)["Mountpoint"])
        options = ("--volume", f"{name}:{STATE}", "--volume", f"{etc}:{CONFIG}:ro")
        # A target folder that is not there is an uplink that is down
        podman.run(IMAGE, f"{STATE}/cloud", options=("--rm", "--entrypoint", "mkdir", *options))
        began = time.monotonic()
        podman.run(IMAGE, options=("--detach", "--name", name, *options))
        yield Container(podman, name, root, options, began)
    finally:
        print(podman("logs", name, check=False))  # pytest shows it where the test failed
        podman("rm", "--force", "--time", "0", "--ignore", name)
        podman("volume", "rm", "--force", name)


def test_what_the_image_says_of_itself(podman: Engine) -> None:
    image = podman.inspect("image", IMAGE)
    config = image["Config"]
    print(f"size {image['Size'] / 1e6:.0f} MB")
    assert image["Size"] <= LARGEST
    assert config["User"] == "10001:10001"
    assert set(config["Volumes"]) == {STATE}
    assert config["StopSignal"] in {"SIGTERM", "15"}
    assert config["Entrypoint"] == ["tini", "--", "sluicegate"]
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert {"ORT_DISABLE_TELEMETRY=1", "PYTHONDONTWRITEBYTECODE=1"} <= set(config["Env"])
    assert image["Healthcheck"]["Test"] == ["CMD", "sluicegate", "health", f"{CONFIG}/gateway.toml"]


@pytest.mark.parametrize("module", ["sklearn", "scipy", "pip", "setuptools", "pymodbus", "pytest"])
def test_what_a_gateway_does_not_need_is_not_there(podman: Engine, module: str) -> None:
    found = f"import importlib.util; assert importlib.util.find_spec('{module}') is None"
    podman.run(IMAGE, "-c", found, options=("--rm", "--entrypoint", "/opt/sluicegate/bin/python"))


def test_it_is_soon_healthy_and_may_nothing_but_its_work(
    podman: Engine, container: Container, station: Plant, etc: Path
) -> None:
    container.until_healthy(30)
    took = time.monotonic() - container.began
    print(f"healthy {took:.1f} s after its start")
    assert took <= HEALTHY_WITHIN_S

    processes = podman("exec", container.name, "sh", "-c", "cat /proc/[0-9]*/status").split("Name:\t")[1:]
    facts = [dict(line.split(":\t", 1) for line in f"Name:\t{one}".splitlines() if ":\t" in line) for one in processes]
    assert {"tini", "sluicegate"} <= {fact["Name"] for fact in facts}
    for fact in facts:
        assert fact["Uid"].split() == ["10001"] * 4, fact["Name"]
        assert fact["Gid"].split() == ["10001"] * 4
        assert int(fact["CapEff"], 16) == int(fact["CapBnd"], 16) == 0
        assert fact["NoNewPrivs"] == "1"
        assert fact["Seccomp"] == "2", "a filter"
    for place in ("/", "/opt/sluicegate", "/etc", CONFIG, "/usr/bin"):
        assert not podman.succeeds("exec", container.name, "touch", f"{place}/mine"), place
    podman("exec", container.name, "touch", f"{STATE}/mine", "/tmp/mine")

    container.until_more_arrives()
    began = time.monotonic()
    podman("stop", container.name, timeout=STOPS_WITHIN_S + 10)
    took = time.monotonic() - began
    print(f"stopped in {took:.1f} s")
    assert took <= STOPS_WITHIN_S
    assert podman.inspect("container", container.name)["State"]["ExitCode"] == 0
    assert "gateway_stopped" in podman("logs", container.name)


def anomalies(cloud: Path) -> list[str]:
    """Assets; beside them, a model may have said that the windows around a kill hold too little."""
    return [alert["asset"] for alert in alerts(cloud) if (alert["rule"], alert["state"]) == ("anomaly", "opened")]


def test_killed_and_started_again_it_loses_and_doubles_nothing(
    podman: Engine, container: Container, station: Plant
) -> None:
    container.until_more_arrives()
    for _ in range(2):
        podman("kill", "--signal", "KILL", container.name)
        podman("wait", container.name)
        assert podman.inspect("container", container.name)["State"]["ExitCode"] == 137
        podman("start", container.name)
        container.until_healthy(20)
        container.until_more_arrives()
    station.say("inject bearing_wear pump-1")
    until(lambda: anomalies(container.cloud), 40, "the alert is delivered")
    podman("stop", container.name, timeout=STOPS_WITHIN_S + 10)
    assert podman.inspect("container", container.name)["State"]["ExitCode"] == 0

    drain = ("run", f"{CONFIG}/gateway.toml", "--only", "deliver", "--drain")
    podman.run(IMAGE, *drain, options=("--rm", *container.options))
    windows = assert_nothing_lost_or_doubled(container.data, container.cloud, WINDOWS)
    print(f"{windows} windows, {container.objects()} summaries")
    assert windows > 30
    assert anomalies(container.cloud) == ["pump-1"]
