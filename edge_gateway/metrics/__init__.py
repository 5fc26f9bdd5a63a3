"""The gateway's metrics for Prometheus: their table, their samples from the statuses, and the text that is served."""

from __future__ import annotations
