"""How the assets stand that were held against their models' training, for the status file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from flows.drift_state import Standing


class DriftFacts:
    """Keeps the last word of the drift step on each model."""

    def __init__(self) -> None:
        self._standings: dict[str, Sequence[Standing]] = {}

    def tell(self, model: str, standings: Sequence[Standing]) -> None:
        """See `flows.drift_setup.DriftSetup`; () = the model has no asset any more."""
        if standings:
            self._standings[model] = standings
        else:
            self._standings.pop(model, None)

    def facts(self) -> dict[str, Any]:
        """By "name@version", the assets: plain JSON values, as `Standing` has them."""
        return {model: [asdict(standing) for standing in found] for model, found in self._standings.items()}
