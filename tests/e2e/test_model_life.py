"""A model's life beside a running gateway: served, shadowed by one that remembers, promoted, with nothing restarted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cloud_sink.decoding import decode_summary
from cloud_sink.outbox.database import Database
from cloud_sink.records import Lane, WindowSummary
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from edge_gateway.cli import app
from edge_gateway.config.load import load
from edge_gateway.layout import Layout
from edge_gateway.status import read_status
from edge_gateway.tables import tag_tables
from edge_gateway.training import train_bundle
from tests.e2e.mill import BEGIN, LINK, SECOND, WINDOWS, samples
from tests.running import gateway, until

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
[[target]]
kind = "file"
path = "cloud"
"""


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


@pytest.mark.timeout(300)
def test_a_version_is_shadowed_and_promoted_while_the_flow_runs(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(CONFIG + LINK)
    (tmp_path / "cloud").mkdir()
    config = load(tmp_path / "gateway.toml")
    layout, (table,) = Layout(config.gateway.data), tag_tables(config)
    for version, detector in (("1", "mahalanobis"), ("2", "lagged")):
        normal = [samples(table, at, 10) for at in range(-2000, -1600, 10)]
        folder = tmp_path / "made" / version
        train_bundle(normal, table, WINDOWS, folder, name="press", version=version, detector=detector, counter=1)
        sluicegate(tmp_path, "add", str(folder))
    sluicegate(tmp_path, "promote", "press@1")

    outbox, at = Outbox(layout), 0
    flow = (tmp_path / "gateway.toml", tmp_path / "log", "--only", "flow")
    layout.journal.mkdir(parents=True)
    with JournalWriter(layout.journal, (table,), JournalSettings()) as journal:

        def more() -> None:
            nonlocal at
            journal.append([samples(table, at, 5)])
            at += 5

        def last() -> WindowSummary | None:
            return next(iter(outbox.summaries()[-1:]), None)

        def fed(true: Callable[[WindowSummary], bool]) -> Callable[[], bool]:
            """Whether it is so of the last window; otherwise there is more."""

            def so() -> bool:
                if (one := last()) is not None and true(one):
                    return True
                more()
                time.sleep(0.2)
                return False

            return so

        with gateway(*flow) as running:
            until(fed(lambda one: one.model == "press@1" and one.score == one.score), 60, "the first version scores")
            assert "takes it at the next window" in sluicegate(tmp_path, "shadow", "press@2")
            until(fed(lambda one: [other.model for other in one.others] == ["press@2"]), 60, "the shadow scores")
            for _ in range(8):
                more()
            until(lambda: len(outbox.summaries()) >= at - 3, 60, "all windows close")
            running.terminate()
            assert running.wait(30) == 0
        with gateway(*flow) as running:  # what the shadow showed, and remembers, outlives a restart
            facts = json.loads(sluicegate(tmp_path, "show", "press", "--json"))
            figures = facts["versions"][1]["figures"]
            assert figures["windows"] >= 20
            assert figures["errors"] == 0
            assert len(facts["shadow_scores"]) == figures["windows"]
            more()
            sluicegate(tmp_path, "promote", "press")
            until(fed(lambda one: one.model == "press@2"), 60, "the second version scores")
            running.terminate()
            assert running.wait(30) == 0

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
