"""Maps as plants have them, and the requests that Telegraf's optimiser makes of one. For benchmark and tests."""

from __future__ import annotations

import random
from collections.abc import Sequence

from connectors.modbus.address import Address, Kind, Table

TELEGRAF_FILL = 50  # its default of optimization_max_register_fill


def scattered(seed: int, tags: int = 200, reach: int = 4000) -> list[Address]:
    """A map as plants have them: islands of values of all widths in holding and input registers."""
    rng = random.Random(seed)
    found: list[Address] = []
    while len(found) < tags:
        table, at = rng.choice([Table.HOLDING, Table.INPUT]), rng.randrange(reach)
        for _ in range(min(rng.choice([1, 1, 2, 5, 12]), tags - len(found))):
            kind = rng.choice([Kind.UINT16, Kind.INT16, Kind.FLOAT32, Kind.UINT32, Kind.FLOAT64])
            found.append(Address(table, at, kind))
            at += kind.width + rng.choice([0, 0, 0, 1, 3, 20])
    return found


def telegraf_max_insert(tags: Sequence[Address], fill: int = TELEGRAF_FILL, most: int = 125) -> int:
    """Requests that Telegraf's Modbus plugin needs with `optimization = "max_insert"`.

    After its documentation (docs.influxdata.com/telegraf/v1/input-plugins/modbus): registers of one table are collated
    and holes between non-consecutive ones are filled, up to `optimization_max_register_fill` of them, to save requests.
    The most favourable reading of it: sorted by address, a request goes on while hole and size allow, whole fields.
    """
    count = 0
    for table in Table:
        start = end = -1
        for tag in sorted((tag for tag in tags if tag.table is table), key=lambda tag: (tag.register, tag.end)):
            if start < 0 or tag.register - end > fill or max(end, tag.end) - start > most:
                start, end = tag.register, tag.end
                count += 1
            else:
                end = max(end, tag.end)
    return count
