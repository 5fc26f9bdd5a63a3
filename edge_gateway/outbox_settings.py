"""The outbox's settings from the configuration; both its processes use the same."""

from __future__ import annotations

from cloud_sink.settings import OutboxSettings
from edge_gateway.config.config import Config


def outbox_settings(config: Config) -> OutboxSettings:
    """Quota, reserve and history of the `[outbox]` table."""
    outbox = config.outbox
    return OutboxSettings(quota=outbox.quota, alert_reserve=outbox.alert_reserve, alarm_history=outbox.alarm_history)
