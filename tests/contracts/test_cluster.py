"""The standard flow on a Bytewax cluster of two processes writes the records that one process writes."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import Notice, NoticeKind, SampleBatch
from connectors.tags import Tag, TagTable

pytestmark = pytest.mark.integration

NODE = Path(__file__).parent / "cluster_node.py"
S = 1_000_000_000
T0 = 1_700_000_000 * S
TABLES = [TagTable(f"pump-{number}", (Tag("a", "bar", 0.01), Tag("b", "A", 0.01))) for number in range(6)]


def fill(folder: Path, tables: list[TagTable], seed: int) -> None:
    """Eight seconds of each asset, with disorder, some of it too late, bad samples and a gap."""
    rng = np.random.default_rng(seed)
    with JournalWriter(folder, tables, JournalSettings()) as writer:
        for second in range(8):
            for table in tables:
                times = T0 + second * S + np.sort(rng.integers(0, S, 200))
                late = rng.random(200) < 0.03
                times[late] -= 3 * S
                tag = rng.integers(0, 2, 200).astype(np.uint16)
                status = np.where(rng.random(200) < 0.05, 0x80000000, 0).astype(np.uint32)
                value = rng.normal(1.0, 2.0, 200)
                now = T0 + (second + 1) * S
                writer.append([SampleBatch(table, tag, times, value, status, now)])
        writer.append([Notice(NoticeKind.GAP, tables[0].asset, "link_down", T0 + 8 * S, T0 + 9 * S)])


def start(number: int, addresses: str, journals: list[Path], out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, NODE, str(number), addresses, *journals, out]
    path = os.pathsep.join([str(NODE.parents[2]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path})


def lines(*outs: Path) -> list[str]:
    return [line for out in outs for line in out.read_text().splitlines()]


def free_addresses(count: int) -> str:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return ",".join(f"127.0.0.1:{one.getsockname()[1]}" for one in sockets)


def test_two_processes_write_the_records_of_one(tmp_path: Path) -> None:
    journals = [tmp_path / "journal-a", tmp_path / "journal-b"]
    for number, folder in enumerate(journals):
        fill(folder, TABLES[3 * number : 3 * number + 3], seed=number)
    alone = tmp_path / "alone"
    assert start(0, "", journals, alone).wait(60) == 0
    outs = [tmp_path / "first", tmp_path / "second"]
    addresses = free_addresses(2)
    nodes = [start(number, addresses, journals, out) for number, out in enumerate(outs)]
    assert [node.wait(60) for node in nodes] == [0, 0]

    assert all(lines(out) for out in outs), "the work was not shared"
    assert len(lines(alone)) > 100
    assert sorted(lines(*outs)) == sorted(lines(alone))
    assert len(set(lines(alone))) == len(lines(alone))
    kinds = {line.split("/", 1)[0] for line in lines(alone)}
    assert kinds == {"alert", "event", "summary"}
