"""Sections of what happens to windows: models, alerts."""

from __future__ import annotations

from pydantic import model_validator

from edge_gateway.config.section import Name, Number, Section, Whole, option
from edge_gateway.config.units import FilePath
from flows.alert_state import AlertSettings


class ModelSection(Section):
    """A model bundle and the assets it scores."""

    assets: tuple[Name, ...] = option(
        description="Assets it scores.", fix="List assets that have tags.", min_length=1, example=["pump-1"]
    )
    bundle: FilePath = option(
        description="Folder of the bundle, made by `sluicegate train`.",
        fix="Name a bundle folder.",
        example="/var/lib/sluicegate/models/pump",
    )


class AlertsSection(Section):
    """When an alert opens and clears. Scores are in units of the model's threshold."""

    open_above: Number = option(
        1.0, description="Score above which a window counts as anomalous.", fix="1.0 = the calibrated threshold.", gt=0
    )
    open_after: Whole = option(
        2,
        description="Windows in a row before an alert opens. 1 to 1000.",
        fix="1 is fastest, 2 or 3 calmer.",
        ge=1,
        le=1000,
    )
    clear_below: Number = option(
        0.8,
        description="Score below which a window counts as normal again (hysteresis).",
        fix="Below open_above.",
        gt=0,
    )
    clear_after: Whole = option(
        3, description="Windows in a row before an alert clears. 1 to 1000.", fix="1 to 1000.", ge=1, le=1000
    )
    alarm_above: Number = option(
        2.0,
        description="Score from which an alert opens as 'alarm' rather than 'warning'.",
        fix="At least open_above.",
        gt=0,
    )
    quality_after: Whole = option(
        2,
        description="Windows in a row in which a model had to abstain for want of good data, before the "
        "data_quality alert opens.",
        fix="1 to 1000.",
        ge=1,
        le=1000,
    )

    @model_validator(mode="after")
    def _fit(self) -> AlertsSection:
        self.settings()
        return self

    def settings(self) -> AlertSettings:
        """As the flow wants them; it knows which values fit together."""
        return AlertSettings(**self.model_dump())
