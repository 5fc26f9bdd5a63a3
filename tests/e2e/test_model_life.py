"""A model's life beside a running gateway: served, shadowed by one that remembers, promoted, with nothing restarted."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cloud_sink.decoding import decode_summary
from cloud_sink.outbox.database import Database
from cloud_sink.records import Lane, WindowSummary
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import SampleBatch
from connectors.tags import TagTable
from edge_gateway.cli import app
from edge_gateway.config.load import load
from edge_gateway.layout import Layout
from edge_gateway.status import read_status
from edge_gateway.tables import tag_tables
from edge_gateway.training import train_bundle
from flows.window_settings import WindowSettings

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CONFIG = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
epoch = "1s"
[windows]
length = "2s"
every = "1s"
[models]
shadow_windows = 20
[[model]]
assets = ["mill"]
name = "press"
[[modbus]]
name = "mill"
host = "127.0.0.1"
port = 9
[[modbus.units]]
unit_id = 1
poll_interval = "100ms"
[[modbus.units.tags]]
asset = "mill"
tag = "flow"
address = "holding:100:float32"
[[modbus.units.tags]]
asset = "mill"
tag = "power"
address = "holding:102:float32"
[[target]]
kind = "file"
path = "cloud"
"""
SECOND, BEGIN = 10**9, (time.time_ns() // 10**9 - 3600) * 10**9
RATE = 10


def samples(table: TagTable, start_s: int, seconds: int) -> SampleBatch:
    """Two tags that move together, at 10 Hz."""
    rng = np.random.default_rng(start_s % 10_000)
    n = seconds * RATE
    times = BEGIN + start_s * SECOND + np.arange(n) * (SECOND // RATE)
    load_ = np.sin(np.arange(start_s * RATE, start_s * RATE + n) / 70.0)
    values = np.stack([50 + 3 * load_, 20 + 2 * load_], axis=1) + 0.3 * rng.normal(size=(n, 2))
    return SampleBatch(
        table,
        np.tile(np.array([0, 1], dtype=np.uint16), n),
        np.repeat(times, 2),
        values.ravel(),
        np.zeros(2 * n, dtype=np.uint32),
        time.time_ns(),
    )


@contextlib.contextmanager
def flow(folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "edge_gateway", "run", str(folder / "gateway.toml"), "--only", "flow"]
    environment = {**os.environ, "SLUICEGATE_PARENT": str(os.getpid())}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()


def sluicegate(folder: Path, *words: str) -> str:
    """As a command of a process of its own, which this is beside the flow's."""
    done = CliRunner().invoke(app, ["model", *words, "--gateway", str(folder / "gateway.toml")])
    assert done.exit_code == 0, done.output
    return done.stdout


class Outbox:
    """What the flow wrote and nobody has delivered."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.outbox / "outbox.sqlite3"
        self._status = layout.status

    def _bodies(self, lane: Lane) -> list[bytes]:
        if not read_status(self._status, "flow").get("written"):
            return []  # the file may be there, and its tables not yet
        database = Database(self._path, read_only=True)
        try:
            found = database.execute("SELECT body FROM outbox WHERE lane = ? ORDER BY seq", (int(lane),))
            return [bytes(body) for (body,) in found]
        finally:
            database.close()

    def summaries(self) -> list[WindowSummary]:
        return sorted((decode_summary(body) for body in self._bodies(Lane.SUMMARY)), key=lambda one: one.start)

    def events(self) -> list[dict[str, Any]]:
        return [event for event in map(json.loads, self._bodies(Lane.EVENT)) if event["kind"] == "model"]


def until(true: Callable[[], bool], step: Callable[[], None] = lambda: None) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        step()
        time.sleep(0.2)


@pytest.mark.timeout(300)
def test_a_version_is_shadowed_and_promoted_while_the_flow_runs(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(CONFIG)
    (tmp_path / "cloud").mkdir()
    config = load(tmp_path / "gateway.toml")
    layout, (table,) = Layout(config.gateway.data), tag_tables(config)
    for version, detector in (("1", "mahalanobis"), ("2", "lagged")):
        normal = [samples(table, at, 10) for at in range(-2000, -1600, 10)]
        windows = WindowSettings("2s", "1s")
        folder = tmp_path / "made" / version
        train_bundle(normal, table, windows, folder, name="press", version=version, detector=detector, counter=1)
        sluicegate(tmp_path, "add", str(folder))
    sluicegate(tmp_path, "promote", "press@1")

    outbox, at = Outbox(layout), 0
    layout.journal.mkdir(parents=True)
    with JournalWriter(layout.journal, (table,), JournalSettings()) as journal:

        def more() -> None:
            nonlocal at
            journal.append([samples(table, at, 5)])
            at += 5

        def last() -> WindowSummary | None:
            return next(iter(outbox.summaries()[-1:]), None)

        with flow(tmp_path):
            until(lambda: (one := last()) is not None and one.model == "press@1" and one.score == one.score, more)
            assert "takes it at the next window" in sluicegate(tmp_path, "shadow", "press@2")
            until(lambda: (one := last()) is not None and [other.model for other in one.others] == ["press@2"], more)
            for _ in range(8):
                more()
            until(lambda: len(outbox.summaries()) >= at - 3)
        with flow(tmp_path):  # what the shadow showed, and remembers, outlives a restart
            facts = json.loads(sluicegate(tmp_path, "show", "press", "--json"))
            figures = facts["versions"][1]["figures"]
            assert figures["windows"] >= 20
            assert figures["errors"] == 0
            assert len(facts["shadow_scores"]) == figures["windows"]
            more()
            sluicegate(tmp_path, "promote", "press")
            until(lambda: (one := last()) is not None and one.model == "press@2", more)

    steps = [(one["source"], one["reason"]) for one in outbox.events() if one["reason"] != "warming_up"]
    assert steps == [
        ("press@1", "added"),
        ("press@2", "added"),
        ("press@1", "promoted"),
        ("press@2", "shadowed"),
        ("press@2", "promoted"),
    ]
    begun = [one["source"] for one in outbox.events() if one["reason"] == "warming_up"]
    assert begun == ["press@2"]  # as a shadow, and not again when it was promoted
    summaries = outbox.summaries()
    assert {one.start for one in summaries} >= {BEGIN + second * SECOND for second in range(at - 4)}
    models = [one.model for one in summaries]
    swap = models.index("press@2")
    assert set(models[:swap]) == {"press@1"}
    assert set(models[swap:]) == {"press@2"}
    assert all(one.score == one.score for one in summaries[swap:])
    assert not any(other.model == "press@2" for one in summaries[swap:] for other in one.others)
