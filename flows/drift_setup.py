"""What the drift step is given by the gateway it runs in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flows.drift_settings import DriftSettings
from flows.drift_state import Standing
from models.served import Models


def _nobody(model: str, standings: Sequence[Standing]) -> None:
    """Nobody asked."""


@dataclass(frozen=True, kw_only=True)
class DriftSetup:
    """From the configuration, for all models.

    Attributes:
        models: Those of every asset, as of now; see `models.served`.
        settings: Over how long, and how seldom in vain.
        tell: Takes model and standings of its assets, whenever a period was judged, and after a start; for the status.
    """

    models: Models
    settings: DriftSettings = field(default_factory=DriftSettings)
    tell: Callable[[str, Sequence[Standing]], None] = _nobody
