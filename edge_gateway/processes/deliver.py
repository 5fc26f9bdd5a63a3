"""The deliver process: outbox -> targets; and channels of models -> store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from cloud_sink.allowance import Allowance, local_time, parse_hours
from cloud_sink.deliver import Deliverer
from cloud_sink.delivery_stats import DeliveryStats
from cloud_sink.dispatch import Dispatcher
from cloud_sink.egress import EgressLedger, read_ledger
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.wake import Bell
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings, DeliverySettings, Naming
from cloud_sink.slots import ThreadSlot
from cloud_sink.uplink.pace import Pace
from edge_gateway import __version__
from edge_gateway.channels.keeper import open_keeper
from edge_gateway.config.config import Config
from edge_gateway.exit_codes import Exit
from edge_gateway.influx import InfluxBeside, open_influx
from edge_gateway.layout import Layout
from edge_gateway.outbox_settings import outbox_settings
from edge_gateway.reload.follower import Follower
from edge_gateway.signals import on_stop
from edge_gateway.status import EVERY_S, StatusFile
from edge_gateway.targets import open_target

log = structlog.get_logger(__name__)

_POLL = timedelta(seconds=1)


def deliver(config: Config, follower: Follower | None = None, *, drain: bool = False) -> int:
    """Deliver until told to stop.

    Args:
        config: Of the gateway.
        follower: Says which generation is in force: what concerns this process comes with a restart.
        drain: Send everything that waits, also unfinished summary files, then end.

    Returns:
        `Exit.OK`, or `Exit.FAILED` when draining left something behind.
    """
    layout = Layout(config.gateway.data)
    layout.outbox.mkdir(parents=True, exist_ok=True)
    outbox = config.outbox
    bell = Bell(layout.outbox)
    lanes = {section.label(): section.wanted() for section in config.target if section.lanes}
    beside = {section.name: tuple(Lane) for section in config.influx}
    reader = OutboxReader(
        layout.outbox, outbox_settings(config), _batches(outbox.summary_file), targets={**lanes, **beside}
    )
    settings = DeliverySettings(min(_POLL, outbox.summary_file / 4), outbox.retry_first, outbox.retry_cap)
    naming = Naming(config.gateway.site, config.gateway.name, __version__)

    follower = follower or Follower()

    def wait(seconds: float) -> None:
        if (kept := follower.look()) is not None:
            follower.accept(kept)
            keeper.take(kept.config)
        status.beat()
        bell.wait(min(seconds, EVERY_S))

    ledger, allowance = EgressLedger(layout.outbox), _allowance(config, layout.outbox)
    pace = None if config.uplink.bandwidth is None else Pace(config.uplink.bandwidth)
    deliverers = {}
    for section in (one for one in config.target if one.lanes):
        name = section.label()
        alerts = open_target(config, section, bulk=False)
        deliverers[name] = Deliverer(
            reader.queues[name],
            alerts.name,
            ThreadSlot(alerts, bell.ring),
            ThreadSlot(open_target(config, section, pace, bulk=True), bell.ring),
            ledger,
            naming,
            settings,
            lanes=lanes[name],
            allowance=allowance,
        )
    influx = {section.name: open_influx(config, section, reader.queues[section.name]) for section in config.influx}
    dispatcher = Dispatcher(reader, [*deliverers.values(), *influx.values()], settings, wait)
    keeper = open_keeper(config, ledger)
    status = StatusFile(
        layout.status,
        "deliver",
        lambda: {**_facts(deliverers, influx, reader), "channels": keeper.facts(), **follower.facts()},
    )

    def stop() -> None:
        dispatcher.stop()
        bell.ring()

    on_stop(stop)
    log.info("deliver_started", targets=list(deliverers))
    try:
        if drain:
            drained = dispatcher.drain()
            reader.maintain()  # which also says whether rows were hidden
            return Exit.OK if drained else Exit.FAILED
        keeper.begin()
        dispatcher.run()
    finally:
        keeper.close()
        status.beat(now=True)
        for one in influx.values():
            one.close()
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


def _facts(
    deliverers: Mapping[str, Deliverer], influx: Mapping[str, InfluxBeside], reader: OutboxReader
) -> Mapping[str, Any]:
    """Sums over all targets, and what each says of itself. The uplink is up when all of them can be reached."""
    told, outbox = {name: deliverer.stats for name, deliverer in deliverers.items()}, reader.stat()
    return {
        "backlog": {
            lane.name.lower(): {"records": waiting.count, "bytes": waiting.size, "oldest": waiting.oldest}
            for lane, waiting in outbox.backlog.items()
        },
        "delivered": {lane.name.lower(): sum(stats.records[lane] for stats in told.values()) for lane in Lane},
        "objects": sum(sum(stats.objects.values()) for stats in told.values()),
        "bytes": sum(sum(stats.size.values()) for stats in told.values()),
        "wire": sum(sum(stats.wire.values()) for stats in told.values()),
        "failures": dict(sum((stats.failures for stats in told.values()), Counter[str]())),
        "trouble": next((stats.trouble for stats in told.values() if stats.trouble), ""),
        "losses": dict(outbox.losses),
        "set_aside": outbox.set_aside,
        "uplink_up": all(stats.uplink_up for stats in told.values()),
        "last_success": max((stats.last_success for stats in told.values()), default=0),
        "targets": {
            name: {**_facts_of(deliverer.stats), "overdue_s": deliverer.overdue()}
            for name, deliverer in deliverers.items()
        },
        "influx": {name: one.facts() for name, one in influx.items()},
    }


def _facts_of(stats: DeliveryStats) -> Mapping[str, Any]:
    return {
        "delivered": {lane.name.lower(): stats.records[lane] for lane in Lane},
        "wire": sum(stats.wire.values()),
        "objects": sum(stats.objects.values()),
        "failures": dict(stats.failures),
        "ledger_failures": stats.ledger_failures,
        "seconds": stats.seconds.facts(),
        "trouble": stats.trouble,
        "uplink_up": stats.uplink_up,
        "last_success": stats.last_success,
    }
