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
from edge_gateway.reload.follower import Follower
from edge_gateway.reload.links import follow_links
from edge_gateway.status import StatusFile
from edge_gateway.tables import tag_tables

log = structlog.get_logger(__name__)

_SEGMENT = 64 * 2**20
_SWITCH_S = 0.0005  # the storing thread must not wait 5 ms for the loop to let go of the interpreter


async def acquire_process(config: Config, follower: Follower | None = None) -> int:
    """Acquire until told to stop; what is in flight then still reaches the journal.

    Args:
        config: Of the gateway.
        follower: Says when another one is in force.
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
    status = StatusFile(layout.status, "acquire", lambda: facts)

    def beat(now: IntakeStatus) -> None:
        nonlocal facts
        facts = {**asdict(now), "sync_failures": writer.sync_failures, **follower.facts()}
        status.beat()

    settings = IntakeSettings(capacity=config.journal.intake_limit, idle_after=config.windows.idle_after)
    try:
        await acquire(drivers, writer, settings, stop, beat, inbox.stored, partial(follow_links, follower))
    finally:
        status.beat(now=True)
        writer.close()
    log.info("acquire_stopped")
    return Exit.OK


def journal_settings(section: JournalSection) -> JournalSettings:
    """Of the `[journal]` table; segments are an eighth of the quota, so that the ring loses little at a time."""
    return JournalSettings(
        quota_bytes=section.quota,
        segment_bytes=min(_SEGMENT, section.quota // 8),
        fsync_every=section.fsync_every,
        retention=section.retention,
    )
