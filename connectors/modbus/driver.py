"""The Modbus driver: polls the units of one line, keeps its link, and says so in the data where it cannot."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence

from connectors.driver import Emit
from connectors.modbus.clock import Clock
from connectors.modbus.endpoint import connect as open_endpoint
from connectors.modbus.group import Group, Place
from connectors.modbus.health import Health
from connectors.modbus.line import Line
from connectors.modbus.poll import Poller
from connectors.modbus.settings import ModbusSettings, ModbusUnit
from connectors.modbus.transport import Connect, Transport
from connectors.tags import TagTable


class ModbusDriver:
    """All units of one line; implements `connectors.driver.Driver`."""

    def __init__(
        self,
        settings: ModbusSettings,
        tables: Sequence[TagTable],
        *,
        connect: Connect | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Plan the polls; nothing is opened yet.

        Args:
            settings: Of the line.
            tables: The assets of the gateway; those that no tag names are ignored.
            connect: Opens the transport; that of the settings by default.
            clock: Time; the machine's by default.
            rng: Spreads the reconnects.

        Raises:
            ValueError: a tag names an asset or a tag that is not in the tables, or a waveform tag.
        """
        self._settings = settings
        self._clock = clock or Clock()
        self._counts: Counter[str] = Counter()
        places = _places(settings, tables)
        self._tables = tuple(dict.fromkeys(place.table for place in places.values()))
        spread = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._line = Line(settings, connect or self._open, self._counts, self._clock, spread, self._try_soon)
        self._health: list[Health] = []
        self._groups = [group for unit in settings.units for group in self._groups_of(unit, places)]

    @property
    def name(self) -> str:
        """Unique in the gateway."""
        return self._settings.name

    @property
    def tables(self) -> Sequence[TagTable]:
        """The assets that this driver has tags of."""
        return self._tables

    @property
    def trouble(self) -> str:
        """Why the last attempt to connect failed; "" while there is a connection or none was tried yet."""
        return self._line.why_down

    def counters(self) -> Mapping[str, int]:
        """Counts since the start; which ones is listed in this folder's README."""
        return dict(self._counts)

    async def run(self, emit: Emit) -> None:
        """See `Driver`. Once at a time."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._line.run())
            await self._line.tried.wait()  # or every start would begin with a bad sample
            for group in self._groups:
                tasks.create_task(group.run(emit))

    async def _open(self) -> Transport:
        return await open_endpoint(self._settings.endpoint, self._settings.connect_timeout)

    def _try_soon(self) -> None:
        for health in self._health:
            health.try_soon(self._clock.monotonic())

    def _groups_of(self, unit: ModbusUnit, places: Mapping[tuple[str, str], Place]) -> list[Group]:
        settings = self._settings
        limits = (settings.quarantine_min, settings.quarantine_max)
        health = Health(*(round(limit.total_seconds() * 1e9) for limit in limits))
        self._health.append(health)
        groups = []
        for interval, tags in unit.groups():
            poller = Poller(unit, tags, self._line, health, self._counts, self._clock, settings.name)
            group_places = [places[tag.asset, tag.tag] for tag in tags]
            groups.append(Group(settings.name, interval, poller, group_places, self._counts, self._clock))
        return groups


def _places(settings: ModbusSettings, tables: Sequence[TagTable]) -> dict[tuple[str, str], Place]:
    """The table of each tag and its number there."""
    by_asset = {table.asset: table for table in tables}
    places = {}
    for entry in settings.tags:
        where = f"modbus {settings.name!r}: tag {entry.asset}/{entry.tag}"
        table = by_asset.get(entry.asset)
        if table is None:
            known = ", ".join(by_asset) or "none"
            msg = f"{where}: no such asset; there is {known}. Name one of them or add the asset."
            raise ValueError(msg)
        if entry.tag not in table.names:
            msg = f"{where}: no such tag; the asset has {', '.join(table.names)}. Name one of them or add the tag."
            raise ValueError(msg)
        index = table.index(entry.tag)
        if table.tags[index].waveform:
            msg = f"{where}: is a waveform; a Modbus address brings one value. Remove waveform from the tag."
            raise ValueError(msg)
        places[entry.asset, entry.tag] = Place(table, index)
    return places
