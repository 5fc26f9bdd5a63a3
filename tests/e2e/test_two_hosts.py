"""Two hosts of one cluster, each a network namespace with a plant of its own; the link between them is cut and mended.

While it is cut neither scores: Bytewax's processes need each other. Both go on acquiring, look for each other, and
catch up when they meet. Nothing is lost and nothing comes twice.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cloud_sink.outbox.stat import read_stat
from cloud_sink.parquet import read_summaries
from connectors.journal.reader import JournalReader
from connectors.samples import Item, SampleBatch
from connectors.simulator.tags import MODBUS_POINTS, TABLES
from edge_gateway.demo.report import delivered
from edge_gateway.layout import Layout
from edge_gateway.status import read_status
from flows.recorded import windows_of
from flows.window_settings import WindowSettings
from tests.running import start, until

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

WINDOWS = WindowSettings("1s", lateness="500ms")
CUT_S = 6.0
LOST_AFTER_S = 5
HEAD = """
[gateway]
site = "demo"
name = "plant"
data = "data"
epoch = "1s"
[windows]
length = "1s"
lateness = "500ms"
[page]
enabled = false
[outbox]
summary_file = "5s"
[[target]]
kind = "file"
path = "{cloud}"
[cluster]
lost_after = "{lost_after}s"
"""
HOST = """
[[cluster.hosts]]
name = "{name}"
address = "{address}"
links = ["io-{name}"]
"""
LINK = """
[[modbus]]
name = "io-{name}"
host = "{host}"
port = {port}
unit_id = {unit}
poll_interval = "100ms"
"""
TAG = """
[[modbus.tags]]
asset = "{name}.{asset}"
tag = "{tag}"
address = "{address}"
unit = "{unit}"
"""


@dataclass
class Host:
    name: str
    address: str
    space: str
    folder: Path
    plant: subprocess.Popen[str] | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def layout(self) -> Layout:
        return Layout(self.folder / "data")

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def status(self, role: str) -> dict[str, Any]:
        return read_status(self.layout.status, role)

    def placed(self) -> int:
        return sum(account.placed for account in read_stat(self.layout.outbox).accounts)

    def run(self, *arguments: str) -> subprocess.Popen[bytes]:
        words = ("run", self.folder / "gateway.toml", "--host", self.name, *arguments)
        return start(self.folder / "log", *words, before=("ip", "netns", "exec", self.space))


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=10, capture_output=True)


def why_not() -> str:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "network namespaces take root on Linux"
    if shutil.which("ip") is None:
        return "ip is missing: apt-get install iproute2"
    tried = subprocess.run(["ip", "netns", "add", f"try{os.getpid()}"], check=False, timeout=10, capture_output=True)
    if tried.returncode != 0:
        return "network namespaces are not allowed here"
    ip("netns", "del", f"try{os.getpid()}")
    return ""


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[list[Host]]:
    """Two namespaces with a cable between them."""
    if reason := why_not():
        pytest.skip(reason)
    found = []
    for number, name in enumerate("ab"):
        folder = tmp_path / name
        folder.mkdir()
        found.append(Host(name, f"10.77.0.{number + 1}:2101", f"sluice{os.getpid()}{name}", folder))
    with contextlib.ExitStack() as stack:
        for host in found:
            ip("netns", "add", host.space)
            stack.callback(ip, "netns", "del", host.space)
            ip("-n", host.space, "link", "set", "lo", "up")
        first, second = found
        ip("link", "add", "cable", "netns", first.space, "type", "veth", "peer", "name", "cable", "netns", second.space)
        for host in found:
            ip("-n", host.space, "addr", "add", f"{host.address.split(':')[0]}/24", "dev", "cable")
            ip("-n", host.space, "link", "set", "cable", "up")
        yield found
        for host in found:
            for process in (host.process, host.plant):
                if process is not None and process.poll() is None:
                    process.send_signal(signal.SIGTERM)
        for host in found:
            for process in (host.process, host.plant):
                if process is not None:
                    process.wait(25)


def start_plants(hosts: list[Host]) -> list[dict[str, Any]]:
    facts = []
    for number, host in enumerate(hosts):
        command = [sys.executable, "-m", "connectors.simulator", "--seed", str(number), "--serve"]
        host.plant = subprocess.Popen(
            ["ip", "netns", "exec", host.space, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert host.plant.stdout is not None
        facts.append(json.loads(host.plant.stdout.readline()))
    return facts


def configure(hosts: list[Host], plants: list[dict[str, Any]], cloud: Path) -> None:
    """The same file on each, as it must be."""
    cloud.mkdir()
    text = HEAD.format(cloud=cloud, lost_after=LOST_AFTER_S)
    text += "".join(HOST.format(name=host.name, address=host.address) for host in hosts)
    for host, facts in zip(hosts, plants, strict=True):
        where = {"host": facts["modbus_host"], "port": facts["modbus_port"], "unit": facts["unit_id"]}
        text += LINK.format(name=host.name, **where)
        for point in MODBUS_POINTS:
            unit = TABLES[point.asset].tags[TABLES[point.asset].index(point.tag)].unit
            told = {"asset": point.asset, "tag": point.tag, "address": point.address, "unit": unit}
            text += TAG.format(name=host.name, **told)
    for host in hosts:
        (host.folder / "gateway.toml").write_text(text)


def journal_of(host: Host) -> list[Item]:
    reader = JournalReader(host.layout.journal, 0)
    items: list[Item] = []
    while got := reader.read():
        items += got
    reader.close()
    return items


def unplug(hosts: list[Host], *, back: bool) -> None:
    """One end of the cable: the kernels know."""
    ip("-n", hosts[1].space, "link", "set", "cable", "up" if back else "down")


def swallow(hosts: list[Host], *, back: bool) -> None:
    """Every packet goes to an address that nobody has: nobody knows, and TCP repeats it ever more slowly."""
    for host, other in zip(hosts, hosts[::-1], strict=True):
        there = other.address.split(":")[0]
        how = ("del", there) if back else ("replace", there, "lladdr", "02:00:00:00:00:99", "nud", "permanent")
        ip("-n", host.space, "neigh", *how, "dev", "cable")


@pytest.mark.parametrize("cut_link", [unplug, swallow])
def test_a_cut_between_two_hosts_loses_and_doubles_nothing(
    hosts: list[Host], tmp_path: Path, cut_link: Callable[..., None]
) -> None:
    cloud = tmp_path / "cloud"
    configure(hosts, start_plants(hosts), cloud)
    for host in hosts:
        host.process = host.run()
    until(lambda: all(host.status("flow").get("written", {}).get("summary", 0) > 5 for host in hosts), 60, "windows")

    cut_link(hosts, back=False)
    until(lambda: all("cluster_peer_" in host.log for host in hosts), LOST_AFTER_S + 25, "each finds out")
    cut = time.monotonic()
    acquired, placed = [host.status("acquire")["received"] for host in hosts], [host.placed() for host in hosts]
    until(lambda: time.monotonic() - cut > CUT_S, CUT_S + 5, "the cut to last")
    assert [host.placed() for host in hosts] == placed, "one host does not score without the other"
    for host, before in zip(hosts, acquired, strict=True):
        assert host.status("acquire")["received"] > before + CUT_S * 10, "acquisition goes on"

    cut_link(hosts, back=True)
    took = until(
        lambda: all(host.placed() > before for host, before in zip(hosts, placed, strict=True)), 60, "they meet again"
    )
    print(f"\nfrom the link's return to the first window of both hosts: {took:.1f} s after a cut of {CUT_S:g} s")
    time.sleep(3)
    for host in hosts:
        assert host.process is not None
        host.process.send_signal(signal.SIGTERM)
    assert [host.process.wait(25) for host in hosts if host.process] == [0, 0]
    for host in hosts:
        assert host.run("--only", "deliver", "--drain").wait(30) == 0

    for host in hosts:
        items = journal_of(host)
        journalled = Counter[str]()
        for item in items:
            if isinstance(item, SampleBatch):
                journalled[item.asset] += len(item)
        accounts = {account.asset: account for account in read_stat(host.layout.outbox).accounts}
        assert accounts.keys() == journalled.keys()
        assert all(asset.startswith(f"{host.name}.") for asset in accounts)
        for asset, account in accounts.items():
            assert account.balanced, account
            assert account.received == journalled[asset]
        written = {
            (summary.asset, summary.start): dict(zip(summary.tags, summary.n.tolist(), strict=True))
            for path in sorted((cloud / "summaries").rglob(f"{host.name}-*.parquet"))
            for summary in read_summaries(path)
        }
        expected = {
            (block.asset, int(start)): dict(zip(block.tags.names, n.tolist(), strict=True))
            for block in windows_of(items, WINDOWS)
            for start, n in zip(block.start, block.grouped.n.reshape(len(block), -1), strict=True)
        }
        assert written == expected
        assert len(expected) > 20
    assert delivered(cloud).duplicates == 0
