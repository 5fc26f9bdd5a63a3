"""How a variable of an OPC-UA server is acquired: options that a single tag and a glob share."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import field_validator, model_validator

from edge_gateway.config.section import Number, Section, Whole, day, minute, ms, option
from edge_gateway.config.units import Duration

_LEAST_RATE = 0.001  # Hz


class OpcUaItemSection(Section):
    """Terms of a monitored item."""

    sampling_interval: Duration | None = option(
        None,
        description="How often the server looks at the value; 0ms = as fast as it can. "
        "Left out = half its publishing interval.",
        fix="Half the publishing interval is a good start.",
        ge=timedelta(0),
        example="250ms",
    )
    queue_size: Whole | None = option(
        None,
        description="Values the server keeps for us; bridges link losses of queue_size x sampling_interval. "
        "1 to 1000000. Left out = enough for 30 s, at least 10.",
        fix="At least publishing_interval / sampling_interval, more to bridge outages.",
        ge=1,
        le=1_000_000,
        example=120,
    )
    discard: Literal["oldest", "newest"] = option(
        "oldest", description="What a full queue lets go of.", fix="oldest, unless the first values of a burst count."
    )
    deadband: Number | None = option(
        None,
        description="In the unit of the value: smaller changes are not told. Left out = every change is.",
        fix="At most what the analysis may miss; leave it out for waveforms and counters.",
        gt=0,
        example=0.5,
    )
    deadband_percent: Number | None = option(
        None,
        description="The same in percent of the node's EURange. Above 0, at most 100. Not beside deadband.",
        fix="Give the server's node an EURange, or use deadband.",
        gt=0,
        le=100,
        example=1.0,
    )
    trigger: Literal["status", "status_value", "status_value_timestamp"] = option(
        "status_value",
        description="What makes the server tell a value: a change of its status, of one of both, of one of all three.",
        fix="status_value_timestamp tells values that are written again without a change.",
    )
    publishing_interval: Duration | None = option(
        None,
        description="How often the server sends what it has sampled of the tag. Left out = as the link does. "
        "Tags of equal publishing_interval and priority share a subscription. 10ms to 1min.",
        fix="Leave it out, or use few different ones: a server has room for few subscriptions.",
        ge=10 * ms,
        le=minute,
        example="100ms",
    )
    priority: Whole | None = option(
        None,
        description="Of the tag's subscription at the server: higher ones are sent first. 0 to 255. "
        "Left out = as the link does.",
        fix="Leave it out, unless some tags must not wait for others.",
        ge=0,
        le=255,
        example=10,
    )
    poll_interval: Duration | None = option(
        None,
        description="Read the tag this often instead of subscribing to it. Left out = as the link does. 10ms to 1d.",
        fix="1s suits most; shorter loads the server.",
        ge=10 * ms,
        le=day,
        example="1s",
    )
    heartbeat: Duration | None = option(
        None,
        description="The tag speaks at least this often, or is told as silent. Left out = three polls for a polled "
        "tag, never for a subscribed one, which may rightly be silent as long as it does not change. 100ms to 1d.",
        fix="Three times the interval at which the device surely writes the value.",
        ge=100 * ms,
        le=day,
        example="30s",
    )
    expect_every: Duration = option(
        timedelta(0),
        description="Interval at which values are expected, by which coverage is judged. 0ms = the server reports by "
        "exception only, coverage is not judged.",
        fix="Give the interval at which the device really updates the value, or leave it out.",
        ge=timedelta(0),
    )
    waveform_rate: Number = option(
        0.0,
        description="Hz. For a tag whose value is an array: sampling rate of its evenly spaced elements. 0 = scalar.",
        fix="Give the sampling rate of the array, for example 4096.0.",
        ge=0,
        le=1e8,
    )

    @model_validator(mode="after")
    def _deadband(self) -> Self:
        if self.deadband is not None and self.deadband_percent is not None:
            msg = "deadband and deadband_percent exclude each other: give one of them"
            raise ValueError(msg)
        if self.trigger == "status" and (self.deadband is not None or self.deadband_percent is not None):
            msg = "trigger 'status' never tells a value by its change: leave out the deadband, or change the trigger"
            raise ValueError(msg)
        return self

    @field_validator("waveform_rate")
    @classmethod
    def _rate(cls, value: float) -> float:
        if 0 < value < _LEAST_RATE:
            msg = f"must be 0 or at least {_LEAST_RATE}"
            raise ValueError(msg)
        return value
