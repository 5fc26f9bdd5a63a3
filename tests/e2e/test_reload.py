"""A running gateway takes over changed configurations, from real servers to the target folder, and loses nothing."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloud_sink.outbox.stat import read_stat
from cloud_sink.parquet import read_summaries
from connectors.journal.reader import JournalReader
from connectors.samples import Item, Notice, SampleBatch
from connectors.simulator.tags import NAMESPACE
from connectors.tags import Tag, TagTable
from edge_gateway.demo.report import delivered
from edge_gateway.layout import Layout
from edge_gateway.reload.in_force import read
from edge_gateway.reload.outcomes import Outcome, read_outcomes
from edge_gateway.status import ROLES, read_status
from edge_gateway.training import train_bundle
from flows.recorded import windows_of
from flows.window_settings import WindowSettings
from tests.running import drain, gateway, plant, sluicegate, until

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(580)]

WINDOWS = WindowSettings("1s", lateness="500ms")
HEAD = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
epoch = "1s"
{gateway}
[windows]
length = "{length}"
lateness = "500ms"
[page]
enabled = false
[outbox]
summary_file = "5s"
retry_first = "200ms"
retry_cap = "1s"
[[target]]
kind = "file"
path = "cloud"
[[opcua]]
name = "plc"
endpoint = "{opcua_endpoint}"
server_certificate = "{opcua_server_certificate}"
publishing_interval = "100ms"
"""
NODE = """
[[opcua.tags]]
asset = "{asset}"
tag = "{tag}"
node = "nsu={namespace};s={asset}.{tag}"
sampling_interval = "0ms"
"""
MODBUS = """
[[modbus]]
name = "{name}"
host = "127.0.0.1"
port = {port}
unit_id = {unit}
poll_interval = "{every}"
[[modbus.tags]]
asset = "{asset}"
tag = "level"
address = "holding:500:float32:CDAB"
"""
RULE = '[[rules]]\nassets = ["{asset}"]\ntag = "{tag}"\nkind = "limit"\nhh = {hh}\n'
MODEL = '[[model]]\nassets = ["pump-1"]\nbundle = "models/{version}"\n'
TAGS = ("flow", "head", "motor_current")


@dataclass
class Site:
    """A gateway's folder beside a running plant."""

    root: Path
    facts: dict[str, Any]

    def configure(self, *more: str, length: str = "1s", gateway: str = "") -> None:
        text = HEAD.format(**self.facts, length=length, gateway=gateway)
        text += "".join(NODE.format(asset="pump-1", tag=tag, namespace=NAMESPACE) for tag in TAGS)
        text += 'expect_every = "100ms"\n' + self.modbus("io", "tank-1") + "".join(more)
        fresh = self.config.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.config)

    def modbus(self, name: str, asset: str, *, every: str = "100ms", port: int = 0) -> str:
        port = port or self.facts["modbus_port"]
        return MODBUS.format(name=name, asset=asset, every=every, port=port, unit=self.facts["unit_id"])

    @property
    def config(self) -> Path:
        return self.root / "gateway.toml"

    @property
    def log(self) -> Path:
        return self.root / "gateway.log"

    @property
    def layout(self) -> Layout:
        return Layout(self.root / "data")

    def status(self, role: str) -> dict[str, Any]:
        return read_status(self.layout.status, role)

    def pids(self) -> dict[str, int]:
        return {role: self.status(role).get("pid", 0) for role in ROLES}

    def outcomes(self) -> list[Outcome]:
        return read_outcomes(self.layout.config)

    def reload(self, process: subprocess.Popen[bytes]) -> Outcome:
        asked = time.monotonic_ns()
        process.send_signal(signal.SIGHUP)
        until(lambda: any(one.began >= asked for one in self.outcomes()), 60, "the reload ends")
        return next(one for one in self.outcomes() if one.began >= asked)

    def command(self) -> subprocess.Popen[str]:
        command = sluicegate("reload", self.config, "--json")
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def generations(self) -> set[int]:
        told = {self.status(role).get("generation", -1) for role in ROLES}
        return told | {read(self.layout.config / "in-force.json").generation}

    def connections(self) -> set[tuple[str, str]]:
        """Local and remote address of every TCP connection of the acquire process (proc(5))."""
        pid = self.status("acquire")["pid"]
        inodes = set()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(link.readlink())
                inodes.add(target.removeprefix("socket:[").removesuffix("]"))
        rows = [row.split() for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
        return {(row[1], row[2]) for row in rows if row[9] in inodes and row[3] == "01"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "cloud").mkdir()
    with plant(tmp_path / "plant") as station:
        yield Site(tmp_path, station.facts)


def journal_of(site: Site) -> list[Item]:
    reader, items = JournalReader(site.layout.journal, 0), []
    while got := reader.read():
        items += got
    reader.close()
    return items


def lines(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(folder.rglob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]


def make_bundle(folder: Path, version: str) -> None:
    table, rng = TagTable("pump-1", tuple(Tag(name, "", 0.1) for name in TAGS)), np.random.default_rng(int(version))
    n = 6000
    times = 1_700_000_000 * 10**9 + np.arange(n) * 10**8
    block = SampleBatch(
        table,
        np.tile(np.arange(3, dtype=np.uint16), n),
        np.repeat(times, 3),
        rng.normal(100.0, 30.0, 3 * n),
        np.zeros(3 * n, dtype=np.uint32),
        int(times[-1]),
    )
    train_bundle([block], table, WINDOWS, folder / version, name="pump", version=version, detector="mahalanobis")


def test_20_reloads_lose_split_and_double_nothing(site: Site) -> None:
    for version in ("1", "2"):
        make_bundle(site.root / "models", version)
    ghost = site.modbus("ghost", "mill", port=9)  # a source that is down all the time
    site.configure(ghost)
    away = site.root / "cloud-away"
    with gateway(site.config, site.log) as running:
        until(lambda: site.status("flow").get("written", {}).get("summary", 0) > 4, 60, "windows are written")
        pids, connections = site.pids(), site.connections()
        assert len(connections) == 2
        for number in range(20):
            if number == 6:  # an outage of the cloud, over a third of the reloads
                (site.root / "cloud").rename(away)
            if number == 13:
                away.rename(site.root / "cloud")
            more = [
                RULE.format(asset="tank-1", tag="level", hh=-100 - number) if number % 4 < 2 else "",
                site.modbus("extra", "fan", every=f"{100 + 10 * number}ms") if number % 3 else "",
                MODEL.format(version=1 + number // 2 % 2),
            ]
            if number % 5 == 4:
                site.config.write_text(["", "[[[", site.config.read_text()[:200]][number % 3])
            else:
                site.configure(ghost, *more)
            outcome = site.reload(running)
            assert outcome.result == ("refused" if number % 5 == 4 else "accepted"), outcome
            assert outcome.silent == ()
            assert connections <= site.connections()
        site.configure(ghost)
        assert site.reload(running).result == "accepted"
        assert site.pids() == pids
        assert site.generations() == {18}
        plc = site.status("acquire")["drivers"]["plc"]
        assert (plc["sessions_created"], plc["sessions_resumed"], plc["reconnects"]) == (1, 0, 0)
        written = site.status("flow")["written"]["summary"]
        until(lambda: site.status("flow")["written"]["summary"] > written + 6, 30, "windows go on")
        running.send_signal(signal.SIGTERM)
        assert running.wait(25) == 0
    assert drain(site.config) == 0

    items = journal_of(site)
    journalled = Counter[str]()
    for item in items:
        if isinstance(item, SampleBatch):
            journalled[item.asset] += len(item)
    accounts = {account.asset: account for account in read_stat(site.layout.outbox).accounts}
    for asset, account in accounts.items():
        assert account.balanced, account
        assert account.received == journalled[asset]
    own = {"pump-1", "tank-1"}  # of links that never changed
    assert not [item for item in items if isinstance(item, Notice) and item.asset in own]

    # As a run without reloads over the same samples would have it, window by window; nothing twice, nothing split.
    twice = {key for key, count in delivered(site.root / "cloud").keys.items() if count > 1}
    told_late = {event["key"] for event in lines(site.root / "cloud" / "events") if event["kind"] == "late"}
    assert twice <= told_late  # two late samples of one window of the link that changes are told in the same words
    summaries = {
        (one.asset, one.start): one
        for path in sorted((site.root / "cloud" / "summaries").rglob("*.parquet"))
        for one in read_summaries(path)
    }
    counts = {key: dict(zip(one.tags, one.n.tolist(), strict=True)) for key, one in summaries.items() if key[0] in own}
    expected = {
        (block.asset, int(start)): dict(zip(block.tags.names, n.tolist(), strict=True))
        for block in windows_of([item for item in items if item.asset in own], WINDOWS)
        for start, n in zip(block.start, block.grouped.n.reshape(len(block), -1), strict=True)
    }
    assert counts == expected
    assert not any(one.partial for one in summaries.values() if one.asset in own)
    assert {one.model.partition(".")[0] for one in summaries.values() if one.asset == "pump-1"} >= {"pump@1", "pump@2"}

    told = [event for event in lines(site.root / "cloud" / "events") if event["kind"] == "reload"]
    assert Counter(event["reason"] for event in told) == {"accepted": 17, "refused": 4}
    closed = [one for one in lines(site.root / "cloud" / "alerts") if one["asset"] == "tank-1"]
    assert {(one["state"], one["detail"]) for one in closed if one["state"] != "opened"} == {
        ("cleared", "There is no such rule any more.")
    }
    assert Counter(one["state"] for one in closed)["opened"] == Counter(one["state"] for one in closed)["cleared"] > 0


def test_faults_while_a_configuration_is_taken_over(site: Site) -> None:
    site.configure()
    with gateway(site.config, site.log) as running:
        until(lambda: site.status("flow").get("written", {}).get("summary", 0) > 2, 60, "windows are written")

        # Other windows: the flow alone is started again, and what was open comes out as partial windows.
        before = site.pids()
        site.configure(length="2s")
        with site.command() as command:
            told, trouble = command.communicate(timeout=60)
        assert (command.returncode, trouble) == (0, "")
        parts = {part["name"]: part for part in json.loads(told)["parts"]}
        assert parts["windows"] == {"name": "windows", "what": "restarted", "roles": ["flow"]}
        assert parts["link plc"]["what"] == parts["link io"]["what"] == "unchanged"
        after = site.pids()
        assert {role for role in ROLES if before[role] != after[role]} == {"flow"}
        until(lambda: any(one["kind"] == "migration" for one in site.status("flow")["events"]), 20, "it is told")

        # A flow that cannot be put together, and one that raises: the former comes back.
        for name, body in (("built", "raise ValueError('mine')"), ("raises", RAISES)):
            (site.root / f"{name}.py").write_text(f"def build(gateway):\n    {body}\n")
            site.configure(length="2s", gateway=f'flow = "{name}.py"')
            outcome = site.reload(running)
            assert outcome.result == "refused", name
            assert "the flow process ended with exit code" in outcome.refusal
            until(lambda: site.generations() == {outcome.generation}, 30, "all run by the former")  # noqa: B023
        site.configure(length="2s")
        assert site.reload(running).result == "unchanged"

        # A bad file on the disk is nobody's business, not of a process that starts again either.
        site.config.write_text("[gateway]\nsite = ")
        with site.command() as command:
            _, trouble = command.communicate(timeout=60)
        assert command.returncode in (1, 2)  # no data folder can be read from it
        generation = site.generations()
        for role in ROLES:
            pid = site.status(role)["pid"]
            os.kill(pid, signal.SIGKILL)
            until(lambda: site.status(role).get("pid") not in (None, pid), 30, f"{role} is started again")  # noqa: B023
        until(lambda: site.generations() == generation, 30, "all run by what is in force")

        # Any process killed while it is under way.
        for number, role in enumerate(ROLES):
            site.configure(RULE.format(asset="tank-1", tag="level", hh=number), length="2s")
            asked = time.monotonic_ns()
            running.send_signal(signal.SIGHUP)
            time.sleep(0.7 * number)
            os.kill(site.status(role)["pid"], signal.SIGKILL)
            until(lambda: any(one.began >= asked for one in site.outcomes()), 60, "the reload ends")  # noqa: B023
            assert site.outcomes()[-1].result == "accepted"
            until(lambda: len(site.generations()) == 1, 30, "all run by the same")

        # Two commands at once.
        site.configure(length="2s")
        with site.command() as one, site.command() as other:
            assert [one.wait(60), other.wait(60)] == [0, 0]

        # Three a second, for ten seconds.
        time.sleep(1)
        figures = {role: footprint(site.status(role)["pid"]) for role in ROLES}
        tasks = site.status("acquire")["tasks"]
        for number in range(30):
            site.configure(site.modbus("extra", "fan", every=f"{100 + 10 * number}ms"), length="2s")
            running.send_signal(signal.SIGHUP)
            time.sleep(1 / 3)
        site.configure(length="2s")
        site.reload(running)
        time.sleep(1)
        assert {one.result for one in site.outcomes()[-3:]} <= {"accepted", "unchanged"}
        for role, (handles, resident) in figures.items():
            now, resident_now = footprint(site.status(role)["pid"])
            assert now <= handles + 3, role
            assert resident_now < resident + 24 * 2**20, role
        assert site.status("acquire")["tasks"] <= tasks

        # The supervisor itself, in the middle: who starts the gateway again finds one configuration.
        site.configure(RULE.format(asset="tank-1", tag="level", hh=9), length="2s")
        former = site.pids()
        running.send_signal(signal.SIGHUP)
        time.sleep(1)
        running.kill()
        running.wait()
    with gateway(site.config, site.log) as running:
        until(lambda: not set(site.pids().values()) & {0, *former.values()}, 60, "it runs again")
        until(lambda: len(site.generations()) == 1, 60, "all run by the same")
        running.send_signal(signal.SIGTERM)
        assert running.wait(25) == 0
    for account in read_stat(site.layout.outbox).accounts:
        assert account.balanced


RAISES = """import bytewax.operators as op
    from bytewax.dataflow import Dataflow
    flow = Dataflow("raises")
    items = op.input("samples", flow, gateway.source())
    op.output("out", op.map("step", items, lambda item: 1 / 0), gateway.sink())
    return flow"""


def footprint(pid: int) -> tuple[int, int]:
    """Open handles and resident bytes (proc(5))."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), pages * os.sysconf("SC_PAGE_SIZE")
