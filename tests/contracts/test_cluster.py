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
from bytewax.recovery import init_db_dir

from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import Notice, NoticeKind, SampleBatch
from connectors.tags import Tag, TagTable

pytestmark = pytest.mark.integration

NODE = Path(__file__).parent / "cluster_node.py"
S = 1_000_000_000
T0 = 1_700_000_000 * S
TABLES = [TagTable(f"pump-{number}", (Tag("a", "bar", 0.01), Tag("b", "A", 0.01))) for number in range(6)]


def fill(folder: Path, tables: list[TagTable], seed: int, seconds: range = range(8)) -> None:
    """Some seconds of each asset, with disorder, some of it too late, bad samples and a gap."""
    rng = np.random.default_rng([seed, seconds.start])
    with JournalWriter(folder, tables, JournalSettings()) as writer:
        for second in seconds:
            for table in tables:
                times = T0 + second * S + np.sort(rng.integers(0, S, 200))
                late = rng.random(200) < 0.03
                times[late] -= 3 * S
                tag = rng.integers(0, 2, 200).astype(np.uint16)
                status = np.where(rng.random(200) < 0.05, 0x80000000, 0).astype(np.uint32)
                value = rng.normal(1.0, 2.0, 200)
                now = T0 + (second + 1) * S
                writer.append([SampleBatch(table, tag, times, value, status, now)])
        if seconds.stop == 8:
            writer.append([Notice(NoticeKind.GAP, tables[0].asset, "link_down", T0 + 8 * S, T0 + 9 * S)])


def start(
    number: int, addresses: str, journals: list[Path], out: Path, workers: int = 1, store: Path | str = ""
) -> subprocess.Popen[bytes]:
    command = [sys.executable, NODE, str(number), addresses, str(workers), store, *journals, out]
    path = os.pathsep.join([str(NODE.parents[2]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path})


def run(processes: int, workers: int, journals: list[Path], out: Path, stores: list[Path | str]) -> None:
    """A whole cluster to the end of what there is; its processes write to `out`-PROCESS-WORKER."""
    addresses = free_addresses(processes) if processes > 1 else ""
    outs = [out.with_name(f"{out.name}-{number}") for number in range(processes)]
    nodes = [
        start(number, addresses, journals, one, workers, store)
        for number, (one, store) in enumerate(zip(outs, stores, strict=True))
    ]
    assert [node.wait(90) for node in nodes] == [0] * processes


def lines(folder: Path, pattern: str) -> list[str]:
    return [line for out in sorted(folder.glob(pattern)) for line in out.read_text().splitlines()]


def free_addresses(count: int) -> str:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return ",".join(f"127.0.0.1:{one.getsockname()[1]}" for one in sockets)


def journals_in(folder: Path, seconds: range = range(8)) -> list[Path]:
    journals = [folder / "journal-a", folder / "journal-b"]
    for number, journal in enumerate(journals):
        fill(journal, TABLES[3 * number : 3 * number + 3], number, seconds)
    return journals


def test_two_processes_write_the_records_of_one(tmp_path: Path) -> None:
    journals = journals_in(tmp_path)
    run(1, 1, journals, tmp_path / "alone", [""])
    run(2, 1, journals, tmp_path / "both", ["", ""])

    assert lines(tmp_path, "both-0-*"), "the work was not shared"
    assert lines(tmp_path, "both-1-*"), "the work was not shared"
    alone = lines(tmp_path, "alone-*")
    assert len(alone) > 100
    assert sorted(lines(tmp_path, "both-*")) == sorted(alone)
    assert len(set(alone)) == len(alone)
    kinds = {line.split("/", 1)[0] for line in alone}
    assert kinds == {"alert", "event", "summary"}


@pytest.mark.slow
def test_state_is_shared_out_anew_among_more_and_fewer(tmp_path: Path) -> None:
    """Windows, alarms and books go on where they were, whoever has them next; one store of one partition is enough."""
    stages = [(range(3), 2, 1), (range(3, 5), 3, 1), (range(5, 6), 1, 1), (range(6, 8), 1, 3)]
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    for folder in (store, elsewhere):
        folder.mkdir()
    init_db_dir(store, 1)
    for number, (seconds, processes, workers) in enumerate(stages):
        journals = journals_in(tmp_path, seconds)
        run(processes, workers, journals, tmp_path / f"stage{number}", [store, *[elsewhere] * (processes - 1)])
    run(1, 1, journals, tmp_path / "alone", [""])

    found, alone = lines(tmp_path, "stage*"), lines(tmp_path, "alone-*")
    assert sorted(found) == sorted(alone)
    assert len(alone) > 100
    assert all(lines(tmp_path, f"stage{number}-*") for number in range(len(stages)))
    assert list(elsewhere.iterdir()) == []
