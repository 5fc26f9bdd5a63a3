"""The acquire process takes over another configuration: links that differ, and no others."""

from __future__ import annotations

import asyncio

import structlog

from connectors.intake import Intake
from edge_gateway.drivers import make_driver
from edge_gateway.reload.changes import links_of
from edge_gateway.reload.follower import LOOK_EVERY_S, Follower
from edge_gateway.reload.in_force import InForce
from edge_gateway.tables import tag_tables

log = structlog.get_logger(__name__)


async def follow_links(follower: Follower, intake: Intake) -> None:
    """Until cancelled; beside the drivers, in their loop."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        kept = await asyncio.to_thread(follower.look)
        if kept is not None and follower.current is not None:
            await _take_over(follower, follower.current, kept, intake)


async def _take_over(follower: Follower, old: InForce, new: InForce, intake: Intake) -> None:
    """All new drivers are made before the first old one is ended: where one cannot be made, nothing happens."""
    before, after = links_of(old), links_of(new)
    gone = [name for name, made_of in before.items() if after.get(name) != made_of]
    fresh = [link for name, (link, *_) in after.items() if before.get(name) != after[name]]
    tables = tag_tables(new.config)
    try:
        drivers = [make_driver(link, new.config, tables) for link in fresh]
    except (OSError, ValueError) as error:
        follower.refuse(new, str(error))
        return
    await intake.change(gone, drivers, tables, new.config.windows.idle_after)
    if gone or drivers:
        log.info("links_changed", ended=gone, begun=[driver.name for driver in drivers])
    follower.accept(new)
