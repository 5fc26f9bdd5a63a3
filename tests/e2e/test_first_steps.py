"""What `init` writes runs unedited against the plant that it names: windows arrive, for every template."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from pyarrow import parquet

from connectors.simulator.scenery import SCENERIES
from edge_gateway.config.load import load
from edge_gateway.status import read_status

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]


def test_windows_arrive_from_what_init_wrote(tmp_path: Path) -> None:
    """All at a time: what takes long is to wait for windows to close."""
    with ThreadPoolExecutor(len(SCENERIES)) as pool:
        for _ in pool.map(first_steps, SCENERIES, [tmp_path / name for name in SCENERIES]):
            pass


def first_steps(name: str, site: Path) -> None:
    told = json.loads(run("init", "--template", name, "--port", str(free_ports()), "--json", str(site)))
    _, plant, _, start = (command.split() for command in told["next"])
    run("check", "gateway.toml", folder=site)
    with running(plant[1:], site) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "ready"
        with running(start[1:], site) as gateway:
            assets = set(SCENERIES[name].tables)
            wait_for(lambda: windows(site) >= len(assets), gateway)
            began, before = time.monotonic(), journal_bytes(site)
            wait_for(lambda: windows(site) >= 2 * len(assets) and time.monotonic() > began + 5, gateway)
            as_planned(site, gateway, (journal_bytes(site) - before) / (time.monotonic() - began))
            accounts = read_status(site / "data" / "status", "flow")["accounts"]
            assert set(accounts) == assets
            assert all(account["dropped"] == {} for account in accounts.values())
            assert process.poll() is None
            gateway.send_signal(signal.SIGTERM)
            assert gateway.wait(25) == 0
    run("run", "gateway.toml", "--only", "deliver", "--drain", folder=site)
    rows = [row for file in site.glob("cloud/summaries/**/*.parquet") for row in parquet.read_table(file).to_pylist()]
    good = {(row["asset"], row["tag"]) for row in rows if row["n"] > 0}
    assert good == {(tag.asset, tag.tag) for tag in tags(site)}
    assert sum(row["n_bad"] for row in rows) < 0.05 * sum(row["n"] for row in rows)  # the first ones, before the link


def as_planned(site: Path, gateway: subprocess.Popen[str], journal_s: float) -> None:
    """What `plan` says holds within the factors that it is given for: 1.3 for bytes, 1.5 for memory."""
    told = json.loads(run("plan", "gateway.toml", "--json", folder=site))["expected"]
    assert told["journal_day"] / 86_400 == pytest.approx(journal_s, rel=0.3)
    family = [gateway.pid, *(child.pid for child in psutil.Process(gateway.pid).children())]
    assert len(family) == len(told["memory"])
    measured = sum(proportional_mb(pid) for pid in family)
    assert measured / 1.5 < told["memory_mb"] < measured * 1.5


def proportional_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    (kb,) = [line.split()[1] for line in text.splitlines() if line.startswith("Pss:")]
    return int(kb) / 1000


def journal_bytes(site: Path) -> int:
    return sum(file.stat().st_size for file in (site / "data" / "journal").iterdir() if file.is_file())


def tags(site: Path) -> list[Any]:
    config = load(site / "gateway.toml")
    units = [unit for line in config.modbus for unit in line.all_units()]
    return [tag for owner in (*config.opcua, *units) for tag in owner.tags]


def windows(site: Path) -> int:
    status: dict[str, Any] = read_status(site / "data" / "status", "flow")
    count: int = status.get("written", {}).get("summary", 0)
    return count


def run(*words: str, folder: Path | None = None) -> str:
    command = [sys.executable, "-m", "edge_gateway", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder, timeout=60).stdout


@contextmanager
def running(words: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "edge_gateway", *words],
        cwd=folder,
        env={**os.environ, "SLUICEGATE_PARENT": str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=(folder / f"{words[0]}.log").open("w"),
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(25)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.2)


def free_ports() -> int:
    """The first of two neighbours that are free now."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
