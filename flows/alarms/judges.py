"""The judges of one asset, one for each of its models that may alarm. Pure.

The first of them has the plain alarms, "anomaly" and "data_quality": whatever version or kind of model has the post,
the alarm is the same one, and says which model spoke. Each further one has alarms of its own, ".name" behind: two
models that find different faults must not hide each other.
"""

from __future__ import annotations

from typing import Any

from flows.alarms.cause import Cause
from flows.alarms.judge import Judge, names_of
from flows.alarms.settings import AlertSettings
from flows.blocks import ScoredBlock


class Judges:
    """Conditions of all models of an asset."""

    def __init__(self, settings: AlertSettings) -> None:
        self._settings = settings
        self._judges = {"": Judge(settings)}

    @property
    def names(self) -> set[str]:
        """Alarms they may raise."""
        return {alarm for name in self._judges for alarm in names_of(name).values()}

    def push(self, block: ScoredBlock) -> list[Cause]:
        """Judge each window in order; hand back the changes. Partial windows say nothing.

        Nor do those that were filled from a history: an alarm is about now, and windows in a row are counted. What is
        active of a model that is gone ends.
        """
        if block.partial or block.backfilled:
            return []
        speaking = {verdict.name if place else "": verdict for place, verdict in enumerate(block.active)}
        out: list[Cause] = []
        for name in [name for name in self._judges if name not in speaking]:
            out += self._judges[name].give_up(block)
            if name:
                del self._judges[name]
        for name, verdict in speaking.items():
            if name not in self._judges:
                self._judges[name] = Judge(self._settings, name)
            out += self._judges[name].push(block, verdict)
        return out

    def to_json(self) -> dict[str, Any]:
        """States of the judges by name of the model, "" = the first."""
        return {name: judge.to_json() for name, judge in self._judges.items()}

    @classmethod
    def from_json(cls, settings: AlertSettings, data: dict[str, Any]) -> Judges:
        """Inverse of `to_json`; what is active stays so whatever the settings are now."""
        judges = cls(settings)
        judges._judges |= {name: Judge.from_json(settings, one, name) for name, one in data.items()}
        return judges
