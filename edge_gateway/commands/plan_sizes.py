"""What a configuration will write, send and hold: by the code that writes, and by figures that were measured.

| Figure | Where it comes from |
|---|---|
| bytes of the journal | `connectors.journal.format.block_bytes`: the format itself |
| bytes of a summary in the outbox | `WindowSummary.encode` of a made-up window, and `OUTBOX_ROW` |
| bytes of the objects of summaries | `cloud_sink.parquet.write_summaries` of made-up windows, noise around 50 |
| memory | `MEMORY_MB` and `SAMPLE_BYTES` below |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

import numpy as np

from cloud_sink.parquet import write_summaries
from cloud_sink.records import Lane, WindowSummary
from cloud_sink.settings import Naming
from connectors.journal.format import block_bytes
from connectors.tags import TagTable
from edge_gateway.commands.plan_rates import Stream, blocks_s
from edge_gateway.config.config import Config
from edge_gateway.flow_file import load_features
from edge_gateway.tables import tag_tables
from flows.data_settings import CountSettings
from flows.window_settings import WindowSettings

DAY_S = 86_400
# Row, keys and index of SQLite beyond the body; measured over 3,000 summaries of 1, 4, 10 and 50 tags: 230 to 520.
OUTBOX_ROW = 400
# Proportional set size of each process after a minute (Python 3.11, x86-64): pages that they share count once.
MEMORY_MB = {"supervisor": 54, "acquire": 53, "flow": 60, "deliver": 78, "page": 58}
OPCUA_MB, ENGINE_MB = 19, 11  # asyncua in the acquire process; ONNX Runtime in the flow process
SAMPLE_BYTES = 38  # of an open window; tests/benchmarks/bench_window_memory.py: 22.5 MB for 600,000 samples
_MADE_ROWS = 20_000  # of a made-up file; a larger one is counted in proportion
_START = 1_767_225_600 * 10**9


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is to be expected.

    Attributes:
        samples_s: A second, at most.
        journal_day: Bytes of raw samples a day.
        journal_days: How long they are kept: by quota or retention, whichever is shorter.
        windows_s: Closed a second; None = the data decides.
        rows_s: Rows of summaries a second, one a tag and window; None = the data decides.
        outbox_day: Bytes that wait after a day without the cloud; None = the data decides.
        outbox_days: How long an outage may last until detail is lost; None = the data decides, or nothing ever waits.
        delivered_day: Bytes of objects with summaries a day; None = the data decides.
        files_day: Such objects a day; None = the data decides.
        targets: Label of each target, and bytes of summaries a day.
        memory: MB of each process.
    """

    samples_s: float
    journal_day: float
    journal_days: float
    windows_s: float | None
    rows_s: float | None
    outbox_day: float | None
    outbox_days: float | None
    delivered_day: float | None
    files_day: float | None
    targets: dict[str, float | None] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)


def sizes(config: Config, streams: Sequence[Stream]) -> Sizes:
    """Add up.

    Raises:
        FlowRejected: The features cannot be used.
    """
    samples_s = sum(one.samples_s for one in streams)
    journal_day = DAY_S * sum(often * block_bytes(ceil(samples)) for often, samples in blocks_s(streams))
    kept = config.journal.retention.total_seconds() / DAY_S if config.journal.retention else float("inf")
    tables = tag_tables(config)
    by_asset = {table.asset: 0.0 for table in tables}
    for one in streams:
        by_asset[one.asset] += one.samples_s
    closed = _windows_s(config, by_asset)
    outbox_day = delivered_day = files_day = rows_s = None
    if closed is not None:
        made = _Made(load_features(config.features).features)
        rows_s = sum(closed[table.asset] * len(table) for table in tables)
        outbox_day = DAY_S * sum(closed[table.asset] * made.outbox_bytes(table) for table in tables)
        files_day = DAY_S / config.outbox.summary_file.total_seconds()
        delivered_day = files_day * made.file_bytes(tables, closed, config.outbox.summary_file.total_seconds())
    targets = {target.label(): delivered_day if Lane.SUMMARY in target.wanted() else 0.0 for target in config.target}
    return Sizes(
        samples_s=samples_s,
        journal_day=journal_day,
        journal_days=min(kept, config.journal.quota / journal_day) if journal_day else kept,
        windows_s=None if closed is None else sum(closed.values()),
        rows_s=rows_s,
        outbox_day=outbox_day,
        outbox_days=0.75 * config.outbox.quota / outbox_day if outbox_day else None,  # then windows are joined
        delivered_day=delivered_day,
        files_day=files_day,
        targets=targets,
        memory=_memory(config, samples_s),
    )


def _windows_s(config: Config, by_asset: dict[str, float]) -> dict[str, float] | None:
    settings = config.windows.settings()
    if isinstance(settings, WindowSettings):
        return dict.fromkeys(by_asset, 1e9 / settings.every_ns)
    if isinstance(settings, CountSettings) and not settings.tag:
        return {asset: rate / settings.count for asset, rate in by_asset.items()}
    return None  # sessions end when the plant does


class _Made:
    """Made-up windows, encoded as real ones."""

    def __init__(self, features: tuple[str, ...]) -> None:
        self._features = features
        self._random = np.random.default_rng(0)

    def outbox_bytes(self, table: TagTable) -> float:
        """Of one summary that waits."""
        return len(self._summary(table.asset, table.names, 0).encode()) + OUTBOX_ROW

    def file_bytes(self, tables: Sequence[TagTable], closed: dict[str, float], period_s: float) -> float:
        """Of one object with the summaries of all assets."""
        rows = sum(closed[table.asset] * period_s * len(table) for table in tables)
        share = min(1.0, _MADE_ROWS / rows) if rows else 0.0
        summaries = [
            self._summary(table.asset, table.names, number)
            for table in tables
            for number in range(ceil(closed[table.asset] * period_s * share))
        ]
        if not summaries:
            return 0.0
        made = sum(len(one.tags) for one in summaries)
        return len(write_summaries(summaries, Naming("site", "gateway", "0"))) * max(1.0, rows / made)

    def _summary(self, asset: str, tags: tuple[str, ...], number: int) -> WindowSummary:
        n = len(tags)
        values = (50 + self._random.standard_normal((n, len(self._features)))).astype(np.float32)
        start = _START + number * 10**10
        counts, none = np.full(n, 100, np.int32), np.zeros(n, np.int32)
        full = np.ones(n, np.float32)
        score = float(self._random.random())
        return WindowSummary(
            asset, start, start + 10**10, tags, self._features, counts, none, full, values, score, 1.0, "model@1"
        )


def _memory(config: Config, samples_s: float) -> dict[str, float]:
    settings = config.windows.settings()
    held_s = (settings.length + settings.lateness).total_seconds() if isinstance(settings, WindowSettings) else 0.0
    memory: dict[str, float] = dict(MEMORY_MB)
    memory["acquire"] += OPCUA_MB if config.opcua else 0
    memory["flow"] += samples_s * held_s * SAMPLE_BYTES / 1e6 + (ENGINE_MB if config.model else 0)
    if not config.page.enabled:
        del memory["page"]
    return {name: round(mb, 1) for name, mb in memory.items()}
