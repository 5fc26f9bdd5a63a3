"""Section of what holds for all models: whom to trust, and when a version is promoted or rolled back."""

from __future__ import annotations

from datetime import timedelta

from pydantic import field_validator, model_validator

from edge_gateway.config.section import NAME_FIX, Name, Section, Whole, day, minute, option, s
from edge_gateway.config.units import Duration
from models.signature import TrustedKeys, parse_public_key

_MOST_KEYS = 2  # one in use, one to change to


class ChannelSection(Section):
    """A model whose versions come from a target: what its signed channel says is fetched, tried, shadowed, promoted."""

    model: Name = option(description="Name of the model, as in [[model]] name.", fix=NAME_FIX, example="pump")
    target: Name = option(
        description="Name of the [[target]] that it lies in (left out there, the kind is the name): file, s3, https or "
        "pyarrow.",
        fix="Name one; a place for models alone is a [[target]] with lanes = [].",
        example="lake",
    )
    channel: Name = option(
        "stable", description="Which channel of the model to follow.", fix="For example stable or canary."
    )
    every: Duration = option(
        15 * minute,
        description="How often it is asked whether the channel has changed; 500 bytes where it has not. 1s to 1d.",
        fix="15min is usual.",
        ge=s,
        le=day,
    )
    jitter: Duration = option(
        minute,
        description="Each question comes up to so much later, at random: a site does not ask all at once. 0s to 1h.",
        fix="1min is usual.",
        ge=timedelta(0),
        le=60 * minute,
    )
    max_age: Duration = option(
        7 * day,
        description="A channel that was issued longer ago is told by an event: somebody may keep newer ones away. "
        "1min to 365d.",
        fix="Longer than the time between two issues.",
        ge=minute,
        le=365 * day,
    )


class ModelsSection(Section):
    """Models that are named rather than given by a folder live in the data folder: see `sluicegate model`."""

    trusted_keys: tuple[str, ...] = option(
        (),
        description="Public keys, one or two: with any, a bundle that none of them signed is not opened. None = a "
        "bundle may be unsigned.",
        fix="`sluicegate model keygen` makes a key and prints this line.",
        max_length=_MOST_KEYS,
    )
    shadow_windows: Whole = option(
        1440,
        description="Windows that a shadow must have judged beside the active version before it is promoted. 1 to "
        "1000000.",
        fix="1440 is a day of windows of a minute.",
        ge=1,
        le=1_000_000,
    )
    storm_alarms: Whole = option(
        20,
        description="Openings of a model's alarms within storm_period that roll it back, while it is on probation. 0 = "
        "never. 0 to 10000.",
        fix="20 within 1h is far above the budget of a false alarm a day.",
        ge=0,
        le=10_000,
    )
    storm_period: Duration = option(
        60 * minute, description="See storm_alarms; time of reception. 1min to 1d.", fix="1h.", ge=minute, le=day
    )
    probation: Duration = option(
        day,
        description="Time after a promotion in which a storm of alarms is taken for the model's fault rather than the "
        "plant's. 1min to 30d.",
        fix="1d is usual.",
        ge=minute,
        le=30 * day,
    )

    channels: tuple[ChannelSection, ...] = option(
        (), description="Models that follow a channel; needs trusted_keys. See models/FLEET.md."
    )

    @model_validator(mode="after")
    def _trusted(self) -> ModelsSection:
        if self.channels and not self.trusted_keys:
            msg = "channels need trusted_keys: what comes from elsewhere is believed by its signature alone"
            raise ValueError(msg)
        return self

    @field_validator("trusted_keys")
    @classmethod
    def _are_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            parse_public_key(text)
        return value

    def keys(self) -> TrustedKeys:
        """As objects."""
        return TrustedKeys(self.trusted_keys)
