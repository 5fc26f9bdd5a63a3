"""The acquire process takes over another configuration: links that differ, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from connectors.intake import Intake
from edge_gateway.cluster import as_host
from edge_gateway.config.config import Config
from edge_gateway.drivers import make_driver
from edge_gateway.reload.changes import links_of
from edge_gateway.reload.follower import LOOK_EVERY_S, Follower
from edge_gateway.reload.in_force import InForce
from edge_gateway.tables import tag_tables

log = structlog.get_logger(__name__)


async def follow_links(
    follower: Follower, host: str | None, taken_over: Callable[[Config], None], intake: Intake
) -> None:
    """Until cancelled; beside the drivers, in their loop.

    Args:
        follower: Says when another configuration is in force.
        host: Of a cluster: only its links; None = all of them.
        taken_over: Called with each configuration that is, as this host has it.
        intake: Runs the drivers.
    """
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        kept = await asyncio.to_thread(follower.look)
        if kept is not None and follower.current is not None:
            here = replace(kept, config=as_host(kept.config, host))
            before = replace(follower.current, config=as_host(follower.current.config, host))
            try:
                await _take_over(before, here, intake)
            except (OSError, ValueError) as error:
                follower.refuse(kept, str(error))
            else:
                taken_over(here.config)
                follower.accept(kept)


async def _take_over(old: InForce, new: InForce, intake: Intake) -> None:
    """All new drivers are made before the first old one is ended: where one cannot be made, nothing happens.

    Raises:
        OSError, ValueError: One cannot be.
    """
    before, after = links_of(old), links_of(new)
    gone = [name for name, made_of in before.items() if after.get(name) != made_of]
    fresh = [link for name, (link, *_) in after.items() if before.get(name) != after[name]]
    tables = tag_tables(new.config)
    drivers = [make_driver(link, new.config, tables) for link in fresh]
    await intake.change(gone, drivers, tables, new.config.windows.idle_after)
    if gone or drivers:
        log.info("links_changed", ended=gone, begun=[driver.name for driver in drivers])
