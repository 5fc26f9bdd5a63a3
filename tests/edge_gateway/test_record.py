"""`sluicegate record`: from a journal at rest, from one that grows, straight from the sources."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from connectors.driver import Emit
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.recording import read_recording
from connectors.samples import Item, SampleBatch
from connectors.selection import EVERYTHING, Selection
from edge_gateway import record as module
from edge_gateway.claim import claim
from edge_gateway.cli import app
from edge_gateway.config.config import Config
from edge_gateway.config.load import load
from edge_gateway.record import RecordReport, RecordWish, record
from edge_gateway.recordings import RecordingRefused
from tests.edge_gateway.bundles import CONFIG
from tests.edge_gateway.replay.mill import START, TABLE, minute

SECOND = 10**9


@pytest.fixture
def config(tmp_path: Path) -> Config:
    text = CONFIG.replace('[[model]]\nassets = ["mill"]\nname = "press"\n', "")
    (tmp_path / "gateway.toml").write_text(text)
    (tmp_path / "target").mkdir()
    return load(tmp_path / "gateway.toml")


def fill(config: Config, items: list[Item]) -> None:
    with JournalWriter(config.gateway.data / "journal", [TABLE], JournalSettings()) as writer:
        writer.append(items)


def run(config: Config, wish: RecordWish, stop: Callable[[], bool] = lambda: False) -> RecordReport:
    return record(config, wish, stop, lambda _: None)


def test_all_that_a_journal_holds(config: Config, tmp_path: Path) -> None:
    items = list(minute())
    fill(config, items)
    report = run(config, RecordWish(tmp_path / "r.parquet", EVERYTHING))
    back = list(read_recording(tmp_path / "r.parquet"))
    assert [type(item) for item in back] == [type(item) for item in items]
    assert report.samples == sum(len(item) for item in items if isinstance(item, SampleBatch))
    assert (report.origin, report.assets) == ("journal", {"mill": report.samples})


def test_a_span_of_one_tag(config: Config, tmp_path: Path) -> None:
    fill(config, list(minute()))
    wish = Selection(START + 10 * SECOND, START + 20 * SECOND, tags=frozenset({"mill/power"}))
    report = run(config, RecordWish(tmp_path / "r.parquet", wish))
    assert START + 10 * SECOND <= report.first < report.last < START + 20 * SECOND
    assert report.samples == 100
    found = [item for item in read_recording(tmp_path / "r.parquet") if isinstance(item, SampleBatch)]
    assert {name for item in found for name in item.tags.names} == {"power"}


def test_a_name_that_there_is_not(config: Config, tmp_path: Path) -> None:
    for selection, told in (
        (Selection(assets=frozenset({"pump"})), "--asset pump: the configuration has no such asset; it has mill"),
        (Selection(tags=frozenset({"speed"})), "--tag speed"),
    ):
        with pytest.raises(RecordingRefused, match=told):
            run(config, RecordWish(tmp_path / "r.parquet", selection))


def test_no_journal_and_no_duration(config: Config, tmp_path: Path) -> None:
    with pytest.raises(RecordingRefused, match="--for 10min"):
        run(config, RecordWish(tmp_path / "r.parquet", EVERYTHING))
    assert not (tmp_path / "r.parquet").exists()


class Ticking:
    name = "ticking"
    tables = (TABLE,)

    async def run(self, emit: Emit) -> None:
        import asyncio

        while True:
            now = np.array([time.time_ns()], np.int64)
            emit(SampleBatch(TABLE, np.zeros(1, np.uint16), now, now * 1.0, np.zeros(1, np.uint32), int(now[0])))
            await asyncio.sleep(0.01)

    def counters(self) -> dict[str, int]:
        return {}


def test_straight_from_the_sources_where_none_runs(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "make_drivers", lambda *_: [Ticking()])
    enough = False

    def tell(report: RecordReport) -> None:
        nonlocal enough
        enough = report.samples > 5

    wish = RecordWish(tmp_path / "r.parquet", EVERYTHING, timedelta(seconds=60))
    report = record(config, wish, lambda: enough, tell)
    assert (report.origin, report.samples > 5) == ("sources", True)
    assert not (config.gateway.data / "journal").exists(), "a gateway's journal is its own"


def test_it_ends_by_itself(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "make_drivers", lambda *_: [Ticking()])
    run(config, RecordWish(tmp_path / "r.parquet", EVERYTHING, timedelta(seconds=0.1)))
    assert (tmp_path / "r.parquet").exists()


@pytest.mark.parametrize("since", [None, 0])
def test_a_journal_that_grows_under_a_running_gateway(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, since: int | None
) -> None:
    """From now on, unless it is asked for what was before."""
    monkeypatch.setattr(module, "make_drivers", lambda *_: pytest.fail("two clients on one line"))
    old = next(item for item in minute() if isinstance(item, SampleBatch))
    folder = config.gateway.data / "journal"
    seen, enough = RecordReport(), threading.Event()

    def grow() -> None:
        while not enough.wait(0.02):
            now = np.array([time.time_ns()], np.int64)
            columns = np.ones(1, np.uint16), now, np.ones(1), np.zeros(1, np.uint32)
            writer.append([SampleBatch(TABLE, *columns, int(now[0]))])

    def tell(report: RecordReport) -> None:
        nonlocal seen
        seen = report
        if report.samples > len(old) + 3:
            enough.set()

    with claim(config.gateway.data, "acquire"), JournalWriter(folder, [TABLE], JournalSettings()) as writer:
        writer.append([old])
        thread = threading.Thread(target=grow)
        thread.start()
        wish = RecordWish(tmp_path / "r.parquet", Selection(since), timedelta(seconds=60))
        began = time.time_ns()
        report = record(config, wish, enough.is_set, tell)
        thread.join()
    assert (report.origin, report) == ("journal", seen)
    assert report.first == old.received_time if since == 0 else report.first >= began


def test_the_command_ends_well_and_tells(config: Config, tmp_path: Path) -> None:
    fill(config, list(minute()))
    gateway, out = str(tmp_path / "gateway.toml"), tmp_path / "r.parquet"
    result = CliRunner().invoke(app, ["record", gateway, "--out", str(out), "--from", "2023-11-14T22:13:30Z"])
    assert result.exit_code == 0, result.output
    assert "samples of 56 s from the journal" in result.output
    result = CliRunner().invoke(app, ["record", gateway, "--out", str(out), "--from", "1h", "--json"])
    assert result.exit_code == 1, "not one sample"
    assert json.loads(result.stdout)["samples"] == 0
    result = CliRunner().invoke(app, ["record", gateway, "--out", str(out), "--from", "yesterday"])
    assert result.exit_code == 2
    assert "how long ago" in result.output
