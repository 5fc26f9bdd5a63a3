"""The outbox's settings from the configuration; both its processes use the same."""

from __future__ import annotations

from cloud_sink.settings import OutboxSettings
from edge_gateway.config.config import Config


def outbox_settings(config: Config) -> OutboxSettings:
    """Quota and reserve of the `[outbox]` table."""
    return OutboxSettings(quota=config.outbox.quota, alert_reserve=config.outbox.alert_reserve)
