"""The deliver process: outbox -> target."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from cloud_sink.allowance import Allowance, local_time, parse_hours
from cloud_sink.deliver import Deliverer
from cloud_sink.dispatch import Dispatcher
from cloud_sink.egress import EgressLedger, read_ledger
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.wake import Bell
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings, DeliverySettings, Naming
from cloud_sink.slots import ThreadSlot
from edge_gateway import __version__
from edge_gateway.config.config import Config
from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout
from edge_gateway.outbox_settings import outbox_settings
from edge_gateway.signals import on_stop
from edge_gateway.status import EVERY_S, StatusFile
from edge_gateway.targets import lanes_of, open_target

log = structlog.get_logger(__name__)

_POLL = timedelta(seconds=1)


def deliver(config: Config, *, drain: bool = False) -> int:
    """Deliver until told to stop.

    Args:
        config: Of the gateway.
        drain: Send everything that waits, also unfinished summary files, then end.

    Returns:
        `Exit.OK`, or `Exit.FAILED` when draining left something behind.
    """
    layout = Layout(config.gateway.data)
    layout.outbox.mkdir(parents=True, exist_ok=True)
    outbox = config.outbox
    bell = Bell(layout.outbox)
    reader = OutboxReader(layout.outbox, outbox_settings(config), _batches(outbox.summary_file))
    settings = DeliverySettings(min(_POLL, outbox.summary_file / 4), outbox.retry_first, outbox.retry_cap)
    naming = Naming(config.gateway.site, config.gateway.name, __version__)

    def wait(seconds: float) -> None:
        status.beat()
        bell.wait(min(seconds, EVERY_S))

    target = open_target(config, bulk=False)
    deliverer = Deliverer(
        reader.queues["target"],
        target.name,
        ThreadSlot(target, bell.ring),
        ThreadSlot(open_target(config, bulk=True), bell.ring),
        EgressLedger(layout.outbox),
        naming,
        settings,
        lanes=lanes_of(config),
        allowance=_allowance(config, layout.outbox),
    )
    dispatcher = Dispatcher(reader, [deliverer], settings, wait)
    status = StatusFile(layout.status, "deliver", lambda: _facts(deliverer, reader))

    def stop() -> None:
        dispatcher.stop()
        bell.ring()

    on_stop(stop)
    log.info("deliver_started", target=target.name)
    try:
        if drain:
            return Exit.OK if dispatcher.drain() else Exit.FAILED
        dispatcher.run()
    finally:
        status.beat(now=True)
        reader.close()
        bell.close()
    log.info("deliver_stopped")
    return Exit.OK


def _batches(bucket: timedelta) -> BatchSettings:
    """A file closes once event time is well past it, or after two lengths when nothing moves event time on."""
    return BatchSettings(summary_bucket=bucket, grace=min(timedelta(minutes=2), bucket / 4), max_wait=2 * bucket)


def _allowance(config: Config, outbox: Path) -> Allowance:
    midnight = local_time(time.time_ns()).replace(hour=0, minute=0, second=0, microsecond=0)
    spent = sum(entry.wire for entry in read_ledger(outbox, midnight))
    hours = [parse_hours(text) for text in config.uplink.bulk_hours]
    return Allowance(config.uplink.daily_budget, hours, spent, time.time_ns)


def _facts(deliverer: Deliverer, reader: OutboxReader) -> Mapping[str, Any]:
    stats, outbox = deliverer.stats, reader.stat()
    return {
        "backlog": {
            lane.name.lower(): {"records": waiting.count, "bytes": waiting.size, "oldest": waiting.oldest}
            for lane, waiting in outbox.backlog.items()
        },
        "delivered": {lane.name.lower(): stats.records[lane] for lane in Lane},
        "objects": sum(stats.objects.values()),
        "bytes": sum(stats.size.values()),
        "wire": sum(stats.wire.values()),
        "failures": dict(stats.failures),
        "trouble": stats.trouble,
        "losses": dict(outbox.losses),
        "set_aside": outbox.set_aside,
        "uplink_up": stats.uplink_up,
        "last_success": stats.last_success,
    }
