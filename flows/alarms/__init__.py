"""Alarms as plants know them (ANSI/ISA-18.2, IEC 62682): delays, latch, acknowledgement, shelving, suppression, floods.

    setup = AlarmSetup(alerts=AlertSettings(), windows=WindowSettings("10s"))
    alarms = AssetAlarms(setup)              # of one asset
    records = alarms.push([block, notice])   # what changed, and commands in vain
    flood = FloodState(setup.alerts)         # of the gateway
    records = flood.push(records)            # the same, what is too much of them held back

Pure: event time only, so the same input gives the same records under the same keys. README.md beside this file has the
states, the settings and what is a record.

Words owned here: alarm, opening, flapping, flood, held back, maintenance.
"""

from __future__ import annotations

from flows.alarms.asset_alarms import AssetAlarms
from flows.alarms.flood import FloodState, Tick
from flows.alarms.maintenance import Maintenance, Once, Weekly
from flows.alarms.settings import AlertSettings
from flows.alarms.setup import AlarmSetup
from flows.alarms.watch import Watch, Watched

__all__ = [
    "AlarmSetup",
    "AlertSettings",
    "AssetAlarms",
    "FloodState",
    "Maintenance",
    "Once",
    "Tick",
    "Watch",
    "Watched",
    "Weekly",
]
