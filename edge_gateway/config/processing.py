"""Sections of what happens to windows: features, models, alerts."""

from __future__ import annotations

from pydantic import model_validator

from edge_gateway.config.section import NAME_FIX, Flag, Name, Number, Section, Whole, day, minute, ms, option, s
from edge_gateway.config.units import Duration, FilePath
from flows.alarms import AlertSettings
from flows.drift_settings import DriftSettings
from models.features import SETS, FeatureSet


class FeaturesSection(Section):
    """What is computed of every tag in every window."""

    set: Name = option(
        "standard",
        description="Feature set: standard, vibration (waveform tags), irregular (tags sent on change only), or with "
        "names a set of your own. A model is served only with the set it was trained on.",
        fix="`sluicegate features` shows the sets and all features.",
    )
    names: tuple[str, ...] = option(
        (),
        description="Features of your own set, in order: `sluicegate features` shows all. Left out = the named set.",
        fix='For example names = ["mean", "std", "quantile:0.9"].',
    )
    module: str | None = option(
        None,
        description="A module, or a path ending in .py, that adds features of your own with the decorators of "
        "models.features.",
        fix="Write for example 'my_features.py'.",
        example="my_features.py",
        min_length=1,
    )

    @model_validator(mode="after")
    def _fit(self) -> FeaturesSection:
        if self.module is None:  # else names may mean what it adds, and it is imported where they are used
            self.feature_set()
        return self

    def feature_set(self) -> FeatureSet:
        """The set; the module must have been imported.

        Raises:
            ValueError: There is no such set or feature.
        """
        shipped = SETS.get(self.set)
        if not self.names:
            if shipped is None:
                msg = f"set: {self.set!r} is none of {', '.join(SETS)}; one of your own needs names"
                raise ValueError(msg)
            return shipped
        if shipped is not None:
            msg = f"set: {self.set!r} is a set that is shipped; call the one with these names something else"
            raise ValueError(msg)
        return FeatureSet.from_names(self.names, self.set)


class ModelSection(Section):
    """A model and the assets it scores: a bundle in a folder, or a name of `sluicegate model list`.

    An asset may have several models: each scores every window of it.
    """

    assets: tuple[Name, ...] = option(
        description="Assets it scores.", fix="List assets that have tags.", min_length=1, example=["pump-1"]
    )
    bundle: FilePath | None = option(
        None,
        description="Folder of the bundle, made by `sluicegate train`; it is served as it is. Or give a name.",
        fix="Name a bundle folder.",
        example="/var/lib/sluicegate/models/pump",
        shown=True,
    )
    name: Name | None = option(
        None,
        description="Name of a model in the data folder: `sluicegate model` adds versions, watches them as shadows, "
        "promotes and rolls back, while the gateway runs. Instead of bundle.",
        fix=NAME_FIX,
        example="pump",
    )
    shadow: Flag = option(
        default=False,
        description="Of a bundle: it scores and never alarms, to watch it before it is relied upon.",
    )
    time_budget: Duration = option(
        500 * ms,
        description="What a call of the model may take, for all windows of a pass. One that takes longer is ended, its "
        "windows have no score; after three passes in a row without any the model is switched off. 10ms to 10s.",
        fix="100ms to 1s is usual: a pass over 1,000 assets takes a few ms.",
        ge=10 * ms,
        le=10 * s,
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> ModelSection:
        if (self.bundle is None) == (self.name is None):
            msg = "needs either bundle or name; give one of them"
            raise ValueError(msg)
        if self.name is not None and self.shadow:
            msg = "shadow goes with bundle; of a named model `sluicegate model shadow` says which version is one"
            raise ValueError(msg)
        return self


class DriftSection(Section):
    """When an asset no longer looks as its model was trained on: an event of kind 'drift'. See models/README.md."""

    period: Duration = option(
        day,
        description="Windows of so long are held against the training together, 960 windows at least. 1min to 31d.",
        fix="One cycle of what is normal, such as '1d', or several.",
        ge=minute,
        le=31 * day,
    )
    false_alarms_a_year: Number = option(
        1.0,
        description="Such events for nothing, of one asset, at most, while its process stays as it was. 0.01 to 50.",
        fix="1 is calm; more finds smaller changes.",
        ge=0.01,
        le=50,
    )

    def settings(self) -> DriftSettings:
        """As the flow wants them."""
        return DriftSettings(period=self.period, false_alarms_a_year=self.false_alarms_a_year)


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

    latch: Flag = option(
        default=False,
        description="anomaly and data_quality stay open after their return to normal until a person resets them.",
    )
    flapping_limit: Whole = option(
        5,
        description="An alarm that opened so often within flapping_period is held at the next opening until it is "
        "calm for as long. 0 = never. 0 to 1000.",
        fix="5 is usual.",
        ge=0,
        le=1000,
    )
    flapping_period: Duration = option(
        10 * minute, description="See flapping_limit; event time. 1s to 1d.", fix="1min to 1h.", ge=s, le=day
    )
    flood_limit: Whole = option(
        10,
        description="Openings of the whole gateway that pass within flood_period; what comes on top is held back: it "
        "is a record, sent with the events, and one report tells of all. 0 = no limit. 0 to 10000.",
        fix="10 in 10min is what one operator can answer to (ANSI/ISA-18.2).",
        ge=0,
        le=10_000,
    )
    flood_period: Duration = option(
        10 * minute, description="See flood_limit; time of reception. 1s to 1d.", fix="10min is usual.", ge=s, le=day
    )
    flood_spares_alarms: Flag = option(
        default=True, description="Alerts of severity 'alarm' are never held back; they count all the same."
    )
    evidence_points: Whole = option(
        64,
        description="Samples of each of at most five tags that an alert carries as a curve when it opens. With 0 no "
        "sample leaves the site, and `explain` shows no curve. 0, or 2 to 500.",
        fix="64 makes about 1 kB a tag.",
        ge=0,
        le=500,
    )

    cold_start: Flag = option(
        default=True,
        description="An asset without a model is scored by its own recent past, each tag for itself, until it has one. "
        "See models/README.md.",
    )

    @model_validator(mode="after")
    def _fit(self) -> AlertsSection:
        self.settings()
        return self

    def settings(self) -> AlertSettings:
        """As the flow wants them; it knows which values fit together."""
        names = type(self).model_fields.keys() - {"cold_start"}
        return AlertSettings(**{name: getattr(self, name) for name in names})
