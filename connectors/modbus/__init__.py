"""Modbus, read only: addresses, a request planner, a strict master, and the driver that polls one unit."""

from __future__ import annotations
