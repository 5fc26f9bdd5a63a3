"""Recorded input and the alarms that are expected of it, as folders: `sluicegate test`, and the same in pytest."""

from __future__ import annotations
