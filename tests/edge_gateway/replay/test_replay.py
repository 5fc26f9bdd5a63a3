"""The same recording gives the same records, byte for byte, however it is sent through."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import pytest

from cloud_sink.alert_decoding import decode_alert
from connectors import pacing
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.pacing import Pace
from connectors.recording import export_journal, write_recording
from connectors.samples import Item
from edge_gateway import report
from edge_gateway.config.config import Config
from edge_gateway.flow_file import build_flow
from edge_gateway.gateway import LocalGateway
from edge_gateway.processes.flow import run_once
from edge_gateway.replay.folder import fresh_folder
from edge_gateway.replay.run import load_replayed, record_bytes, replay
from edge_gateway.replay.source import Recorded, open_recorded
from edge_gateway.serving import duty
from edge_gateway.tables import tag_tables
from tests.edge_gateway.replay.mill import TABLE, minute


@pytest.fixture(scope="module")
def gateway(mill: Path) -> Config:
    return load_replayed(mill / "gateway.toml")


@pytest.fixture(scope="module")
def first(gateway: Config, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every record of one replay, in the order in which they were written."""
    folder = tmp_path_factory.mktemp("first")
    replay(gateway, Recorded(minute), folder)
    return record_bytes(folder)


@pytest.fixture
def again(gateway: Config, tmp_path: Path) -> Callable[..., dict[str, bytes]]:
    """Replays into a folder of its own; gives every record in the order in which they were written."""

    def run(items: Iterable[Item] | None = None, **options: object) -> dict[str, bytes]:
        folder = tmp_path / f"out-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        whole = list(minute()) if items is None else list(items)
        replay(gateway, Recorded(lambda: iter(whole)), folder, **options)  # type: ignore[arg-type]
        return record_bytes(folder)

    return run


def kinds(records: dict[str, bytes]) -> set[str]:
    return {key.split("/")[0] for key in records}


def test_twice_the_same_bytes_in_the_same_order(again, first) -> None:
    assert kinds(first) == {"alert", "event", "summary"}
    assert {decode_alert(body).state for key, body in first.items() if key.startswith("alert/")} >= {
        "opened",
        "acknowledged",
        "cleared",
    }
    assert list(again().items()) == list(first.items())


def test_at_any_speed(again, first) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    assert list(again(pace=Pace(60.0, lambda: now, sleep)).items()) == list(first.items())
    assert now == pytest.approx(66 / 60, abs=0.1), "a minute and six seconds, sixty times as fast"


@pytest.mark.parametrize("blocks", [1, 1000])
def test_however_many_blocks_a_pass_holds(again, first, monkeypatch: pytest.MonkeyPatch, blocks: int) -> None:
    """Only the order may be another: a pass writes asset by asset, alarms first."""
    monkeypatch.setattr(pacing, "BLOCKS_PER_PASS", blocks)
    monkeypatch.setattr(pacing, "PASS_NS", 10**18)
    assert again() == first


def test_in_blocks_of_another_size(again, first) -> None:
    """What was received together says when an alarm was decided; nothing else depends on it."""
    second = again(minute(1))
    assert first.keys() == second.keys()
    for key, body in first.items():
        if not key.startswith("alert/"):
            assert second[key] == body
            continue
        one, other = decode_alert(body), decode_alert(second[key])
        assert abs(one.received_time - other.received_time) < 500_000_000
        assert repr((one.state, one.at, one.score)) == repr((other.state, other.at, other.score))


def test_from_a_file_and_from_a_journal_as_from_memory(again, first, gateway: Config, tmp_path: Path) -> None:
    with JournalWriter(tmp_path / "journal", [TABLE], JournalSettings()) as writer:
        for item in minute():
            writer.append([item])
    export_journal(tmp_path / "journal", tmp_path / "exported.parquet")
    write_recording(tmp_path / "written.parquet", minute())
    for name in ("journal", "exported.parquet", "written.parquet"):
        recorded = open_recorded(tmp_path / name, tag_tables(gateway))
        assert recorded.left_out == ()
        assert list(again(recorded.items()).items()) == list(first.items()), name


def test_one_that_was_cut_short_begins_again(gateway: Config, tmp_path: Path, first) -> None:
    seen = 0

    def stop() -> bool:
        nonlocal seen
        seen += 1
        return seen > 40

    with fresh_folder(tmp_path / "out", gateway.gateway.data) as folder:
        replay(gateway, Recorded(minute), folder, stop=stop)
        half = record_bytes(folder)
    with fresh_folder(tmp_path / "out", gateway.gateway.data) as folder:
        replay(gateway, Recorded(minute), folder)
        assert record_bytes(folder) == first
        assert 0 < len(half) < len(first)


class Feeder:
    """Appends to a journal in every pass of a flow, not always as much."""

    def __init__(self, folder: Path) -> None:
        self._writer = JournalWriter(folder, [TABLE], JournalSettings())
        self._items = minute()
        self._passes = 0
        self.ended = False

    def __call__(self) -> None:
        self._passes += 1
        new = list(islice(self._items, 1 + self._passes % 3))
        if new:
            self._writer.append(new)
        elif not self.ended:
            self.ended = True
            self._writer.close()


def test_as_the_live_flow_did(again, gateway: Config, tmp_path: Path) -> None:
    """The gateway's own way, with clocks that run: a journal, passes of what is readable just then."""
    config = gateway.model_copy(update={"gateway": gateway.gateway.model_copy(update={"data": tmp_path / "data"})})
    feeder = Feeder(tmp_path / "data" / "journal")
    live = LocalGateway(config, lambda: feeder.ended, feeder)
    run_once(build_flow(config.gateway.flow, live))
    live.close()
    export_journal(tmp_path / "data" / "journal", tmp_path / "live.parquet")
    replayed = again(open_recorded(tmp_path / "live.parquet", tag_tables(config)).items())
    assert record_bytes(tmp_path / "data") == replayed
    assert kinds(replayed) == {"alert", "event", "summary"}


def test_nothing_is_written_because_time_has_passed_here(again, first, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "FIRST_AFTER_S", 1e-6)
    monkeypatch.setattr(duty, "KEEP_EVERY_S", 1e-6)
    assert list(again().items()) == list(first.items())


def test_nothing_of_the_real_folder_is_touched(gateway: Config, again) -> None:
    again()
    assert not gateway.gateway.data.exists()
