"""What a person asks, through the real acquire process: asked while it is away, while it runs, and across a kill."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.commands.command import Action, Command
from connectors.commands.post import post
from connectors.journal.reader import JournalReader
from connectors.samples import Notice, NoticeKind
from edge_gateway.layout import Layout

pytestmark = pytest.mark.integration

CONFIG = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
[[modbus]]
name = "press"
host = "127.0.0.1"
port = 9
[[modbus.tags]]
asset = "press-1"
tag = "temperature"
address = "holding:100:float32"
[[target]]
kind = "file"
path = "cloud"
"""


def ask(at: int) -> Command:
    return Command(
        action=Action.SHELVE, asset="press-1", alarm="temperature_high", at=at, by="operator-1", until=10**18
    )


@contextlib.contextmanager
def acquiring(folder: Path) -> Iterator[subprocess.Popen[str]]:
    (folder / "gateway.toml").write_text(CONFIG)
    (folder / "cloud").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "edge_gateway", "run", str(folder / "gateway.toml"), "--only", "acquire"]
    environment = {**os.environ, "SLUICEGATE_PARENT": str(os.getpid())}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def commands(reader: JournalReader, wanted: int) -> list[Notice]:
    """Read until so many commands have come; the bell of the journal tells when to look."""
    found: list[Notice] = []
    end = time.monotonic() + 30
    while len(found) < wanted and time.monotonic() < end:
        found += [item for item in reader.read() if isinstance(item, Notice) and item.kind is NoticeKind.COMMAND]
        if len(found) < wanted:
            reader.wait(0.2)
    return found


def test_commands_reach_the_journal_and_their_files_go(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    reader = JournalReader(layout.journal, 0)
    post(layout.commands, ask(5))  # nobody is there yet
    (layout.commands / "bad.json").write_text("{}")
    with acquiring(tmp_path) as process:
        assert commands(reader, 1) == [ask(5).notice()]
        post(layout.commands, ask(7))
        assert commands(reader, 1) == [ask(7).notice()]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert "command_refused" in process.stderr.read()
    assert [path.name for path in layout.commands.rglob("*.json")] == ["bad.json"]


def test_a_kill_loses_no_command(tmp_path: Path) -> None:
    """Killed at whatever moment: what is neither journalled nor waiting would be lost."""
    layout = Layout(tmp_path / "data")
    reader = JournalReader(layout.journal, 0)
    asked = set(range(1, 41))
    for at in asked:
        post(layout.commands, ask(at))
    with acquiring(tmp_path):
        seen = {notice.start for notice in commands(reader, 1)}  # killed on leaving
    with acquiring(tmp_path):
        while missing := asked - seen:
            more = commands(reader, 1)
            assert more, f"lost: {missing}"
            seen |= {notice.start for notice in more}
