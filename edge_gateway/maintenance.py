"""The maintenance calendars of a configuration, by asset."""

from __future__ import annotations

from edge_gateway.config.config import Config
from flows.alarms import Maintenance, Once, Weekly


def calendars(config: Config) -> dict[str, Maintenance]:
    """Of every asset that has one."""
    periods: dict[str, list[Once | Weekly]] = {}
    for section in config.maintenance:
        for asset in section.assets:
            periods.setdefault(asset, []).append(section.period())
    return {asset: Maintenance(tuple(found)) for asset, found in periods.items()}
