"""Five gateways that follow one channel: a good version reaches all of them by stages, a bad one stops at the first."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

sys.path.append(str(Path(__file__).parents[1] / "cloud_sink"))  # the server

from fault_server import FaultServer

from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from edge_gateway.cli import app
from edge_gateway.config.load import load
from edge_gateway.layout import Layout
from edge_gateway.model_fit import store_of
from edge_gateway.tables import tag_tables
from edge_gateway.training import train_bundle
from tests.e2e.mill import LINK, WINDOWS, samples
from tests.running import gateway

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CONFIG = """
[gateway]
site = "plant"
name = "NAME"
data = "data"
epoch = "1s"
[page]
enabled = false
[windows]
length = "2s"
every = "1s"
[alerts]
open_after = 1
clear_after = 1
flapping_limit = 0
flood_limit = 0
[models]
trusted_keys = ["KEY"]
shadow_windows = 20
storm_alarms = 2
[[models.channels]]
model = "press"
target = "models"
every = "1s"
jitter = "0s"
[[model]]
assets = ["mill"]
name = "press"
[[target]]
kind = "file"
path = "../cloud"
[[target]]
name = "models"
kind = "s3"
endpoint = "http://127.0.0.1:PORT"
bucket = "fleet"
credentials_file = "../credentials"
lanes = []
"""
VERSIONS = ("2", "3")  # those that are rolled out by stages


def share(name: str, version: str) -> int:
    """As the documentation has it."""
    return int(hashlib.sha256(f"plant/{name}{version}".encode()).hexdigest()[:8], 16) % 100


def names() -> list[str]:
    """Five gateways: one of the first stage of both rollouts, two of the second, two of the last."""

    def of(low: int, high: int, count: int) -> list[str]:
        known = (f"gw-{number}" for number in range(5000))
        fit = (name for name in known if all(low <= share(name, version) < high for version in VERSIONS))
        return [next(fit) for _ in range(count)]

    return [*of(0, 20, 1), *of(20, 60, 2), *of(60, 100, 2)]


class Gateway:
    """One of the five: its flow and its deliver process, and a journal that the test writes."""

    def __init__(self, folder: Path, name: str, key: str, port: int) -> None:
        self.name, self.path = name, folder / name / "gateway.toml"
        self.path.parent.mkdir()
        self.path.write_text(CONFIG.replace("NAME", name).replace("KEY", key).replace("PORT", str(port)) + LINK)
        config = load(self.path)
        (self.table,) = tag_tables(config)
        self.store, self.layout = store_of(config), Layout(config.gateway.data)
        self.layout.journal.mkdir(parents=True)
        self.journal = JournalWriter(self.layout.journal, (self.table,), JournalSettings())

    @property
    def active(self) -> str | None:
        return self.store.read().of("press").active

    @property
    def steps(self) -> list[tuple[str, str]]:
        return [(one.version, one.step.value) for one in self.store.read().changes]


@contextlib.contextmanager
def running(gateways: list[Gateway]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(gateway(one.path, one.path.parent / f"{role}.log", "--only", role))
            for one in gateways
            for role in ("flow", "deliver")
        ]
        yield
        for process in processes:
            process.terminate()
        assert [process.wait(30) for process in processes] == [0] * len(processes)


class Fleet:
    """All of them, fed and watched; and their publisher, who has the key."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.at = folder, 0
        made = CliRunner().invoke(app, ["model", "keygen", str(folder / "key.pem")]).stdout
        key = made.split('trusted_keys = ["')[1].split('"')[0]
        self.gateways = [Gateway(folder, name, key, port) for name in names()]

    def publish(self, *words: str) -> dict[str, Any]:
        """What a command says, with its exit code."""
        where = ("--target", "models", "--gateway", str(self.gateways[0].path), "--key", str(self.folder / "key.pem"))
        done = CliRunner().invoke(app, ["model", *words, *where, "--json"])
        said = json.loads(done.stdout) if done.stdout else {"error": done.output}
        return {**said, "code": done.exit_code}

    def rollout(self, which: str, soak: str) -> dict[str, Any]:
        plan = ("--stages", "20,60,100", "--soak", soak, "--halt-alarms", "50")
        return self.publish("rollout", which, *plan, "--events", str(self.folder / "cloud"))

    def make(self, version: str, *, modes: bool, seed: int) -> None:
        """Trained on both modes of operation, or on one alone."""
        table, folder = self.gateways[0].table, self.folder / "made" / version
        times = range(-2000 - seed, -1600 - seed, 10)
        normal = [samples(table, at, 10, (at // 10) % 2 if modes else 0) for at in times]
        counter = int(version)
        train_bundle(
            normal, table, WINDOWS, folder, name="press", version=version, detector="mahalanobis", counter=counter
        )
        assert self.publish("push", str(folder))["code"] == 0

    def feed(self, mode: float = 0.0) -> None:
        for one in self.gateways:
            one.journal.append([samples(one.table, self.at, 5, mode)])
        self.at += 5

    def serving(self, version: str) -> list[str]:
        return [gateway.name for gateway in self.gateways if gateway.active == version]

    def until(self, true: Callable[[], bool], mode: Callable[[], float] = lambda: 0.0) -> None:
        end = time.monotonic() + 150
        while not true():
            assert time.monotonic() < end, [(one.name, one.steps) for one in self.gateways]
            self.feed(mode())
            time.sleep(0.25)


@pytest.mark.timeout(600)
def test_a_good_version_reaches_all_and_a_bad_one_stops_itself_at_the_first_stage(tmp_path: Path) -> None:
    (tmp_path / "cloud").mkdir()
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = AK\naws_secret_access_key = hush\n")
    with FaultServer() as server:
        fleet = Fleet(tmp_path, server.port)
        everyone = [gateway.name for gateway in fleet.gateways]
        fleet.make("1", modes=True, seed=0)
        fleet.make("2", modes=True, seed=3)
        fleet.make("3", modes=False, seed=7)
        fleet.publish("promote", "press@1")
        with running(fleet.gateways):
            fleet.until(lambda: fleet.serving("1") == everyone)

            assert fleet.rollout("press@2", "3s")["channel"]["percent"] == 20
            for percent, count in ((60, 1), (100, 3), (100, 5)):
                stage = everyone[:count]
                fleet.until(lambda stage=stage: fleet.serving("2") == stage)  # type: ignore[misc]
                done: dict[str, Any] = {}

                def told(done: dict[str, Any] = done, stage: list[str] = stage) -> bool:
                    assert set(fleet.serving("2")) <= set(stage) | set(done.get("serving", ()))
                    done.update(fleet.rollout("press@2", "3s"))
                    return done["decision"] != "wait"

                fleet.until(told)
                assert done["decision"] == ("advance" if count < 5 else "done")
                assert set(done["serving"]) <= {f"plant/{name}" for name in stage}
                assert done["troubled"] == {}
                assert done["channel"]["percent"] == percent
            assert all(("2", "shadowed") in gateway.steps for gateway in fleet.gateways)

            assert fleet.rollout("press@3", "1h")["channel"]["percent"] == 20
            first, others = fleet.gateways[0], fleet.gateways[1:]
            fleet.until(lambda: first.active == "3")  # in the one mode that it knows it was a good shadow
            turns = iter(range(10**6))
            fleet.until(lambda: ("3", "rolled_back") in first.steps, lambda: float(next(turns) % 2))
            halted: dict[str, Any] = {}

            def halts() -> bool:
                halted.update(fleet.rollout("press@3", "1h"))
                return bool(halted["decision"] != "wait")

            fleet.until(halts)
            assert (halted["decision"], halted["code"]) == ("halt", 1)
            assert list(halted["troubled"]) == [f"plant/{first.name}"]
            assert "a storm of alarms" in halted["why"]
            assert halted["channel"]["wanted"]["version"] == "2"
            assert "was halted" in fleet.rollout("press@3", "1h")["error"]
            counter = halted["channel"]["counter"]
            heard = lambda one: json.loads((one.layout.root / "channels.json").read_text())["models"]["press"]  # noqa: E731
            fleet.until(lambda: all(heard(one)["counter"] == counter for one in fleet.gateways))
            for _ in range(4):
                fleet.feed()
                time.sleep(0.5)

        assert fleet.serving("2") == everyone
        assert all("3" not in gateway.store.versions()["press"] for gateway in others)
        assert all(version != "3" for gateway in others for version, _ in gateway.steps)
        assert "a storm of alarms" in first.store.read().of("press").failed["3"]
        out = CliRunner().invoke(app, ["egress", str(first.path), "--json"]).stdout
        (asked,) = [one for one in json.loads(out)["sums"] if one["lane"] == "models"]
        polled = [one for one in server.requests if one.method == "GET" and "channel-stable" in one.path]
        assert asked["wire"] > 0
        assert asked["size"] == 0
        assert asked["attempts"] == 0
        assert sum("if-none-match" in one.headers for one in polled) > len(polled) / 2
        assert {one.method for one in server.requests} == {"GET", "PUT"}
