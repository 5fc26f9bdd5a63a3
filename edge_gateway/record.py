"""Raw values into a file: from the journal of a gateway, or straight from its sources where none is running."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from connectors.driver_thread import DriverThread
from connectors.intake import IntakeSettings
from connectors.journal.reader import JournalReader
from connectors.journal.segments import list_bases
from connectors.recording import write_recording
from connectors.samples import Item, Notice, NoticeKind, SampleBatch
from connectors.selection import Selection
from edge_gateway.claim import FolderRefused, claim
from edge_gateway.config.config import Config
from edge_gateway.drivers import make_drivers
from edge_gateway.layout import Layout
from edge_gateway.recordings import RecordingRefused
from edge_gateway.tables import tag_tables

_LOOK_S = 0.2  # at the journal, while something may still come; its bell is for the flow


@dataclass(frozen=True, slots=True)
class RecordWish:
    """What `sluicegate record` was asked for.

    Attributes:
        out: File to write.
        selection: What of it.
        lasts: How long to go on from now; None = only what the journal holds already.
    """

    out: Path
    selection: Selection
    lasts: timedelta | None = None


@dataclass(slots=True)
class RecordReport:
    """What was written.

    Attributes:
        origin: "journal" or "sources".
        samples: How many.
        first: Received time of the first, ns; 0 = there is none.
        last: Of the last.
        assets: Samples of each.
        lost: Samples that were dropped before they could be recorded, by reason.
    """

    origin: str = ""
    samples: int = 0
    first: int = 0
    last: int = 0
    assets: dict[str, int] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)

    def count(self, item: Item) -> None:
        """One more item is written."""
        if isinstance(item, SampleBatch):
            self.samples += len(item)
            self.assets[item.asset] = self.assets.get(item.asset, 0) + len(item)
            self.first, self.last = self.first or item.received_time, item.received_time
        elif isinstance(item, Notice) and item.kind is NoticeKind.DROPPED:
            self.lost[item.reason] = self.lost.get(item.reason, 0) + item.count


def record(
    config: Config, wish: RecordWish, stop: Callable[[], bool], told: Callable[[RecordReport], None]
) -> RecordReport:
    """Record. What a gateway that is running does is not disturbed: its journal is read, its devices are left alone.

    Where none is running and it is to go on, the sources are asked for themselves, and the gateway's acquire process is
    kept from starting meanwhile: two clients would compete for the line.

    Args:
        config: Of the gateway.
        wish: What is wanted.
        stop: Asked several times a second; True = finish the file now.
        told: Called with every item.

    Raises:
        RecordingRefused: There is nothing to record from.
        ConnectorError, OSError, ValueError: A source or the journal cannot be opened, or the file not be written.
    """
    layout, report = Layout(config.gateway.data), RecordReport("journal")
    unknown = _unknown(config, wish.selection)
    if unknown:
        raise RecordingRefused(unknown)

    def counted(items: Iterator[Item]) -> Iterator[Item]:
        for item in wish.selection.of(items):
            report.count(item)
            told(report)
            yield item

    if wish.lasts is None:
        if not list_bases(layout.journal):
            rule = "holds no journal yet; say how long to record from the sources, --for 10min"
            raise RecordingRefused(f"{layout.journal}: {rule}")
        write_recording(wish.out, counted(_journal(layout.journal, 0, stop, None)))
        return report
    ends = time.monotonic() + wish.lasts.total_seconds()
    try:
        with claim(config.gateway.data, "acquire"):
            report.origin = "sources"
            write_recording(wish.out, counted(_sources(config, stop, ends)))
    except FolderRefused:  # its acquire process runs
        report.origin = "journal"
        first = 0 if wish.selection.since is not None else max(list_bases(layout.journal), default=0)
        write_recording(wish.out, counted(_since(_journal(layout.journal, first, stop, ends), wish)))
    return report


def _since(items: Iterator[Item], wish: RecordWish) -> Iterator[Item]:
    """From now on, where nobody says since when."""
    if wish.selection.since is not None:
        return items
    return Selection(since=time.time_ns()).of(items)


def _journal(folder: Path, offset: int, stop: Callable[[], bool], ends: float | None) -> Iterator[Item]:
    """What is there, then what comes until it ends."""
    reader = JournalReader(folder, offset)
    try:
        while not stop():
            over = ends is None or time.monotonic() >= ends
            items = reader.read()
            yield from items
            if over and not items:
                return
            if not items:
                time.sleep(_LOOK_S)
    finally:
        reader.close()


def _sources(config: Config, stop: Callable[[], bool], ends: float) -> Iterator[Item]:
    """Straight from the drivers."""
    drivers = make_drivers(config, tag_tables(config))
    thread = DriverThread(drivers, IntakeSettings(config.journal.intake_limit, config.windows.idle_after))
    try:
        while not stop() and time.monotonic() < ends:
            yield from thread.take(_LOOK_S)
    finally:
        thread.close()
    yield from thread.take(0)


def _unknown(config: Config, selection: Selection) -> str:
    """What is wrong with the names that are asked for; "" = nothing."""
    tables = tag_tables(config)
    assets = [table.asset for table in tables]
    tags = {name for table in tables for tag in table.names for name in (tag, f"{table.asset}/{tag}")}
    for option, wanted, have in (("asset", selection.assets, assets), ("tag", selection.tags, sorted(tags))):
        for name in sorted(wanted - set(have)):
            return f"--{option} {name}: the configuration has no such {option}; it has {', '.join(have)}"
    return ""
