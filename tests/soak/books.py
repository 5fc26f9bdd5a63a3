"""The invariant, counted from what lies on the disks when all is over."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cloud_sink.outbox.stat import read_stat
from cloud_sink.parquet import read_summaries
from cloud_sink.records import WindowSummary
from connectors.journal.reader import JournalReader
from connectors.samples import Notice, NoticeKind, SampleBatch
from edge_gateway.layout import Layout
from flows.recorded import windows_of
from tests.soak.world import WINDOWS, World


@dataclass(slots=True)
class Books:
    """What was counted.

    Attributes:
        wrong: Every way in which it does not add up; [] = it does.
    """

    received: int = 0
    placed: int = 0
    late: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    windows: int = 0
    alerts: int = 0
    gaps: int = 0
    wrong: list[str] = field(default_factory=list)


def close_books(world: World) -> Books:
    """Of a world whose gateway has stopped and whose outbox was drained."""
    books, layout = Books(), Layout(world.files.data)
    journalled: Counter[str] = Counter()
    gaps: set[tuple[str, int, int]] = set()

    def items() -> Iterable[SampleBatch | Notice]:
        reader = JournalReader(layout.journal, 0)
        try:
            while got := reader.read():
                for item in got:
                    if isinstance(item, SampleBatch):
                        journalled[item.asset] += len(item)
                    elif item.kind is NoticeKind.DROPPED:
                        journalled[item.asset] += item.count
                    elif item.kind is NoticeKind.GAP:
                        gaps.add((item.asset, item.start, item.end))
                    yield item
        finally:
            reader.close()

    expected = {
        (block.asset, int(start)): dict(zip(block.tags.names, n.tolist(), strict=True))
        for block in windows_of(items(), WINDOWS)
        for start, n in zip(block.start, block.grouped.n.reshape(len(block), -1), strict=True)
    }
    late: Counter[str] = Counter()
    for account in read_stat(layout.outbox).accounts:
        if account.late:
            late[account.asset] = account.late
        books.received += account.received
        books.placed += account.placed
        books.late += account.late
        books.dropped.update(dict(account.dropped))
        if not account.balanced:
            books.wrong.append(f"{account.asset}: received is not placed + late + dropped: {account}")
        if account.received != journalled[account.asset]:
            books.wrong.append(
                f"{account.asset}: {account.received} samples in the books, {journalled[account.asset]} in the journal"
            )
    folder = {path: path.read_bytes() for path in world.files.cloud.rglob("*") if path.is_file()}
    targets = {
        "folder": {str(path.relative_to(world.files.cloud)): data for path, data in folder.items()},
        "web server": {path.removeprefix("/hub/"): request.body for path, request in world.hub.objects.items()},
    }
    for name, objects in targets.items():
        _compare(books, name, objects, expected, gaps, late)
    books.windows, books.gaps = len(expected), len(gaps)
    return books


def _compare(
    books: Books,
    target: str,
    objects: Mapping[str, bytes],
    expected: Mapping[tuple[str, int], Mapping[str, int]],
    gaps: set[tuple[str, int, int]],
    late: Counter[str],
) -> None:
    summaries: list[WindowSummary] = []
    lines: list[dict[str, object]] = []
    seen: dict[str, list[str]] = defaultdict(list)
    for path, data in objects.items():
        if path.endswith(".parquet"):
            found = read_summaries(data)
            summaries += found
            for summary in found:
                seen[summary.key].append(path)
        else:
            read = [json.loads(line) for line in gzip.decompress(data).splitlines()]
            lines += read
            for line in read:
                seen[line["key"]].append(f"{path} {line}")
    if twice := {key: places for key, places in seen.items() if len(places) > 1}:
        books.wrong.append(f"{target}: {len(twice)} records are there twice, such as {next(iter(twice.items()))}")
    counts = {(one.asset, one.start): dict(zip(one.tags, one.n.tolist(), strict=True)) for one in summaries}
    missing, foreign = expected.keys() - counts.keys(), counts.keys() - expected.keys()
    changed = [key for key in expected.keys() & counts.keys() if expected[key] != counts[key]]
    for what, found in (("missing", missing), ("that no journal can make", foreign), ("with other counts", changed)):
        if found:
            books.wrong.append(f"{target}: {len(found)} windows {what}, such as {sorted(found)[:2]}")
    told = {(line["asset"], line["start"], line["end"]) for line in lines if line.get("kind") == "gap"}
    told_late: Counter[str] = Counter()
    for line in lines:
        if line.get("kind") == "late":
            told_late[str(line["asset"])] += int(str(line["count"]))
    if told_late != late:
        books.wrong.append(f"{target}: {dict(told_late)} samples were told as late, {dict(late)} are in the books")
    if untold := gaps - told:
        books.wrong.append(f"{target}: {len(untold)} gaps were not told, such as {sorted(untold)[:2]}")
    books.alerts = max(books.alerts, sum("alert_id" in line for line in lines))
