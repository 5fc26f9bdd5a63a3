"""A gateway that lives in a recording: its input, its clock and its folder are not those of the real one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from connectors.pacing import Pace, received_of
from connectors.samples import Item, SampleBatch
from connectors.source import RecordingSource
from edge_gateway.config.config import Config
from edge_gateway.config.section import PIB
from edge_gateway.gateway import LocalGateway

_PATIENCE = timedelta(hours=1)  # for a call of a model: a slow machine must not tell another story
_MODELS = ("models", "shadows")
_LIVES = "models.json"


class ReplayGateway(LocalGateway):
    """Implements `flows.gateway.Gateway` on a recording and a fresh outbox.

    What a clock says in a running gateway, received times say here: of records that are let go, of versions of models
    that are rolled back. Steady clocks stand still, so that nothing is written because time has passed meanwhile.
    """

    def __init__(
        self,
        config: Config,
        items: Callable[[], Iterable[Item]],
        pace: Pace,
        stop: Callable[[], bool],
        told: Callable[[int, int], None],
    ) -> None:
        """Load the models.

        Args:
            config: As `replay_config` gives it.
            items: The recording from its first item on.
            pace: Of received time.
            stop: True = end now.
            told: Called in every pass with the samples so far and their received time.

        Raises:
            FlowRejected, ModelError: As `LocalGateway`.
        """
        self.samples = 0
        self.first = self.last = 0  # received times, ns
        self._items = items
        self._pace = pace
        self._told = told
        super().__init__(config, stop, lambda: None, clock=lambda: self.last, monotonic=lambda: 0.0)

    def source(self) -> RecordingSource:
        """The recording."""
        return RecordingSource(self._items, stop=self._stop, pace=self._pace, on_pass=self._begun)

    def _begun(self, items: list[Item]) -> None:
        """What a thread does beside a running flow is done between two passes."""
        self.last = max(self.last, received_of(items))
        self.first = self.first or self.last
        self.samples += sum(len(item) for item in items if isinstance(item, SampleBatch))
        self._models.work_off()
        self._passed()
        self._told(self.samples, self.last)


def replay_config(config: Config, folder: Path) -> Config:
    """The same gateway in another folder, with room for everything and models that are given the time they need."""
    gateway = config.gateway.model_copy(update={"data": folder})
    outbox = config.outbox.model_copy(update={"quota": PIB})
    model = tuple(one.model_copy(update={"time_budget": _PATIENCE}) for one in config.model)
    return config.model_copy(update={"gateway": gateway, "outbox": outbox, "model": model})


def copy_models(real: Path, folder: Path) -> None:
    """The store of named models as it is now: a replay may roll one back, and that must not be the real one."""
    for name in _MODELS:
        if (real / name).is_dir():
            shutil.copytree(real / name, folder / name)
    if (real / _LIVES).is_file():
        shutil.copyfile(real / _LIVES, folder / _LIVES)
