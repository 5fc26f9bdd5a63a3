"""The dashboards as the JSON that Grafana reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from cloud_sink.grafana.alerts import alerts
from cloud_sink.grafana.asset import asset
from cloud_sink.grafana.gateway import gateway
from cloud_sink.grafana.models import models
from cloud_sink.grafana.plant import plant

FOLDER = Path(__file__).parent / "dashboards"


def dashboards() -> Mapping[str, str]:
    """Text of each file, by name."""
    boards = {"plant": plant(), "asset": asset(), "alerts": alerts(), "gateway": gateway(), "models": models()}
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {f"{name}.json": encoder.encode(board.build()) + "\n" for name, board in boards.items()}
