"""A mill with two tags that move together, whose models the tests of their lives are about."""

from __future__ import annotations

import time

import numpy as np

from connectors.samples import SampleBatch
from connectors.tags import TagTable
from flows.window_settings import WindowSettings

SECOND, RATE = 10**9, 10
BEGIN = (time.time_ns() // SECOND - 3600) * SECOND
WINDOWS = WindowSettings("2s", "1s")

LINK = """
[[modbus]]
name = "mill"
host = "127.0.0.1"
port = 9
[[modbus.units]]
unit_id = 1
poll_interval = "100ms"
[[modbus.units.tags]]
asset = "mill"
tag = "flow"
address = "holding:100:float32"
[[modbus.units.tags]]
asset = "mill"
tag = "power"
address = "holding:102:float32"
"""
"""Nobody answers there: the tests write the journal themselves."""


def samples(table: TagTable, start_s: int, seconds: int, mode: float = 0.0) -> SampleBatch:
    """Both tags at 10 Hz, from so many seconds after `BEGIN`; in the other mode of operation, 1, both are higher."""
    rng = np.random.default_rng(start_s % 10_000)
    n = seconds * RATE
    times = BEGIN + start_s * SECOND + np.arange(n) * (SECOND // RATE)
    load = np.sin(np.arange(start_s * RATE, start_s * RATE + n) / 70.0)
    values = np.stack([50 + 40 * mode + 3 * load, 20 + 16 * mode + 2 * load], axis=1) + 0.3 * rng.normal(size=(n, 2))
    return SampleBatch(
        table,
        np.tile(np.array([0, 1], dtype=np.uint16), n),
        np.repeat(times, 2),
        values.ravel(),
        np.zeros(2 * n, dtype=np.uint32),
        time.time_ns(),
    )
