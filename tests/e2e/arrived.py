"""What a gateway has kept and sent, held against what its journal says that it read."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

from cloud_sink.outbox.stat import read_stat
from cloud_sink.parquet import read_summaries
from connectors.journal.reader import JournalReader
from connectors.samples import Item, Notice, NoticeKind, SampleBatch
from connectors.simulator.tags import TABLES
from edge_gateway.demo.report import delivered
from edge_gateway.layout import Layout
from flows.recorded import windows_of
from flows.window_settings import WindowSettings


def journal_of(data: Path) -> list[Item]:
    reader = JournalReader(Layout(data).journal, 0)
    items: list[Item] = []
    while got := reader.read():
        items += got
    reader.close()
    return items


def events(cloud: Path) -> list[dict[str, Any]]:
    return _lines(cloud / "events")


def alerts(cloud: Path) -> list[dict[str, Any]]:
    return _lines(cloud / "alerts")


def _lines(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(folder.rglob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]


def assert_nothing_lost_or_doubled(data: Path, cloud: Path, windows: WindowSettings) -> int:
    """Of a gateway that was killed, and whose outbox is empty now.

    Every sample is accounted for, not one record is there twice, every window that the journal can make is there with
    the very same counts, and every hole is told.

    Returns:
        How many windows.
    """
    items = journal_of(data)
    journalled = Counter[str]()
    for item in items:
        if isinstance(item, SampleBatch):
            journalled[item.asset] += len(item)
    for account in read_stat(Layout(data).outbox).accounts:
        assert account.balanced, account
        assert account.received == journalled[account.asset]

    assert delivered(cloud).duplicates == 0
    summaries = {
        (summary.asset, summary.start): dict(zip(summary.tags, summary.n.tolist(), strict=True))
        for path in sorted((cloud / "summaries").rglob("*.parquet"))
        for summary in read_summaries(path)
    }
    expected = {
        (block.asset, int(start)): dict(zip(block.tags.names, n.tolist(), strict=True))
        for block in windows_of(items, windows)
        for start, n in zip(block.start, block.grouped.n.reshape(len(block), -1), strict=True)
    }
    assert summaries == expected

    # What happened while nobody acquired is a gap from and to, for every asset, and the only one there is.
    gaps = [event for event in events(cloud) if event["kind"] == "gap"]
    assert {(gap["asset"], gap["reason"]) for gap in gaps} == {(asset, "acquirer_down") for asset in TABLES}
    noticed = [item for item in items if isinstance(item, Notice) and item.kind is NoticeKind.GAP]
    assert {(gap["asset"], gap["start"], gap["end"]) for gap in gaps} == {
        (notice.asset, notice.start, notice.end) for notice in noticed
    }
    assert all(0 < gap["start"] < gap["end"] for gap in gaps)
    return len(expected)
