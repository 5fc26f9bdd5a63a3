"""Reads the configuration, opens the rooms, keeps the lights on."""

from __future__ import annotations

__version__ = "0.1.0"
