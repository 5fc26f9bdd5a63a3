"""The assets and tags of a configuration, numbered once for all links."""

from __future__ import annotations

from connectors.tags import Tag, TagTable
from edge_gateway.config.config import Config


def tag_tables(config: Config) -> tuple[TagTable, ...]:
    """One table per asset, in the order in which the file first names them; several links may fill one asset."""
    assets: dict[str, list[Tag]] = {}
    for link in config.opcua:
        for item in link.tags:
            waveform = item.waveform_rate > 0
            interval = 1 / item.waveform_rate if waveform else item.expect_every.total_seconds()
            assets.setdefault(item.asset, []).append(Tag(item.tag, item.unit, interval, waveform))
    for unit in (unit for line in config.modbus for unit in line.all_units()):
        for register in unit.tags:
            interval = (register.poll_interval or unit.poll_interval).total_seconds()
            assets.setdefault(register.asset, []).append(Tag(register.tag, register.unit, interval))
    return tuple(TagTable(asset, tuple(tags)) for asset, tags in assets.items())
