"""The acquire process: drivers and people's commands -> journal."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import structlog

from connectors.commands.inbox import CommandInbox
from connectors.intake import IntakeSettings, IntakeStatus, acquire
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from edge_gateway.config.config import Config
from edge_gateway.config.storage import JournalSection
from edge_gateway.drivers import make_drivers
from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout
from edge_gateway.progress import Moving, Past
from edge_gateway.reload.follower import Follower
from edge_gateway.reload.links import follow_links
from edge_gateway.status import StatusFile
from edge_gateway.tables import tag_tables

log = structlog.get_logger(__name__)

_SEGMENT = 64 * 2**20
_SWITCH_S = 0.0005  # the storing thread must not wait 5 ms for the loop to let go of the interpreter


async def acquire_process(config: Config, follower: Follower | None = None, host: str | None = None) -> int:
    """Acquire until told to stop; what is in flight then still reaches the journal.

    Args:
        config: Of the gateway, of a cluster that of this host.
        follower: Says when another one is in force, of a cluster that of all hosts.
        host: Of the cluster; None = one machine.
    """
    follower = follower or Follower()
    sys.setswitchinterval(_SWITCH_S)
    layout = Layout(config.gateway.data)
    layout.journal.mkdir(parents=True, exist_ok=True)
    tables = tag_tables(config)
    inbox = CommandInbox(layout.commands)
    drivers = [*make_drivers(config, tables), inbox]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    writer = JournalWriter(layout.journal, tables, journal_settings(config.journal))
    log.info("acquire_started", links=[driver.name for driver in drivers])
    facts: Mapping[str, Any] = {}
    status = StatusFile(layout.status, "acquire", lambda: {**facts, "tasks": len(asyncio.all_tasks())})
    progress = _Progress(writer, _shortest_poll(config))

    def beat(now: IntakeStatus) -> None:
        nonlocal facts
        facts = {**asdict(now), "sync_failures": writer.sync_failures, **progress.facts(now), **follower.facts()}
        status.beat()

    def taken_over(now: Config) -> None:
        progress.polled_s = _shortest_poll(now)

    settings = IntakeSettings(capacity=config.journal.intake_limit, idle_after=config.windows.idle_after)
    try:
        await acquire(
            drivers, writer, settings, stop, beat, inbox.stored, partial(follow_links, follower, host, taken_over)
        )
    finally:
        status.beat(now=True)
        writer.close()
    log.info("acquire_stopped")
    return Exit.OK


class _Progress:
    """What came in and what of it reached the journal, and when last."""

    def __init__(self, writer: JournalWriter, polled_s: float) -> None:
        self.polled_s = polled_s
        self._writer = writer
        self._first = writer.offset
        self._samples, self._stored, self._refusals = Moving(), Moving(writer.offset), Moving()
        self._past = Past()

    def facts(self, now: IntakeStatus) -> Mapping[str, Any]:
        self._samples.at(now.received)
        self._stored.at(self._writer.offset)
        self._refusals.at(now.write_failures)
        end = (
            self._stored.value if self._stored.value != self._first else 0
        )  # the head of a segment is not for the flow
        refused = self._refusals.value > 0 and self._refusals.since > self._stored.since
        return {
            "sampled_at": self._samples.since,
            "stored_at": self._stored.since,
            "journal_end": end,
            "journal_past": self._past.at(end),
            "disk_refuses": refused,
            "polled": self.polled_s,
            "links": {name: why for name, why in now.troubles.items() if name != CommandInbox.name},
        }


def _shortest_poll(config: Config) -> float:
    """Seconds between two polls of what is polled most often over Modbus; 0 = nothing is."""
    units = [unit for line in config.modbus for unit in line.all_units()]
    intervals = [tag.poll_interval or unit.poll_interval for unit in units for tag in unit.tags]
    return min((interval.total_seconds() for interval in intervals), default=0.0)


def journal_settings(section: JournalSection) -> JournalSettings:
    """Of the `[journal]` table; segments are an eighth of the quota, so that the ring loses little at a time."""
    return JournalSettings(
        quota_bytes=section.quota,
        segment_bytes=min(_SEGMENT, section.quota // 8),
        fsync_every=section.fsync_every,
        retention=section.retention,
    )
