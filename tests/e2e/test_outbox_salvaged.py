"""The outbox of a running gateway is salvaged under it: both processes let go, come back, and nothing is missing."""

from __future__ import annotations

import signal
import subprocess

import pytest

from cloud_sink.outbox.salvage import RULE
from cloud_sink.parquet import read_summaries
from edge_gateway.demo.report import delivered
from edge_gateway.layout import Layout
from flows.recorded import windows_of
from tests.e2e import test_socket_to_cloud as whole
from tests.e2e.arrived import journal_of
from tests.e2e.test_socket_to_cloud import WINDOWS, files, windows_written
from tests.running import gateway, plant, sluicegate, until

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]
__all__ = ["files"]  # a fixture


def command(*words: str) -> int:
    return subprocess.run(sluicegate("outbox", *words), check=False).returncode


def waiting(files) -> int:
    return whole.status(files, "deliver").get("backlog", {}).get("summary", {}).get("records", 0)


def test_c4_a_running_gateway_salvages_its_outbox(files) -> None:
    outbox = Layout(files.data).outbox
    away = files.cloud.with_name("away")
    with plant(files.plant) as station:
        whole.configure(files, station.facts)
        files.cloud.rename(away)  # all of it waits in the outbox
        with gateway(files.config, files.log) as running:
            until(lambda: waiting(files) > 5, 60, "windows are kept")
            assert command("doctor", str(files.config), "--salvage") == 1
            until(lambda: list(outbox.glob("*.corrupt-*")), 60, "the file is salvaged")
            until(lambda: not (outbox / "damaged").exists(), 10, "the mark is gone")
            before = windows_written(files)
            until(lambda: windows_written(files) > before + 20_000, 60, "the flow goes on")
            away.rename(files.cloud)
            until(lambda: any(files.cloud.rglob("*.parquet")), 60, "it is delivered")
            running.send_signal(signal.SIGTERM)
            assert running.wait(25) == 0
    assert command("drain", str(files.config)) == 0
    assert command("doctor", str(files.config)) == 0
    assert delivered(files.cloud).duplicates == 0
    arrived = {
        (summary.asset, summary.start): dict(zip(summary.tags, summary.n.tolist(), strict=True))
        for path in sorted((files.cloud / "summaries").rglob("*.parquet"))
        for summary in read_summaries(path)
    }
    expected = {
        (block.asset, int(start)): dict(zip(block.tags.names, n.tolist(), strict=True))
        for block in windows_of(journal_of(files.data), WINDOWS)
        for start, n in zip(block.start, block.grouped.n.reshape(len(block), -1), strict=True)
    }
    assert arrived == expected
    assert [alert["rule"] for alert in whole.alerts(files.cloud)].count(RULE) == 1
