"""Section of what sending may cost."""

from __future__ import annotations

from pydantic import field_validator

from cloud_sink.allowance import parse_hours
from edge_gateway.config.section import PIB, Section, option
from edge_gateway.config.units import Size


class UplinkSection(Section):
    """What sending may cost. Alerts are never held and never slowed."""

    bandwidth: Size | None = option(
        None,
        description="Bytes a second for events and summaries; left out = as fast as the line.",
        fix="1 kB to 1 PiB, for example '32 KiB'.",
        example="32 KiB",
        ge=1000,
        le=PIB,
    )
    daily_budget: Size | None = option(
        None,
        description="Bytes a day on the network, alerts included; once spent, events and summaries wait for midnight.",
        fix="1 kB to 1 PiB, for example '20 MB'.",
        example="20 MB",
        ge=1000,
        le=PIB,
    )
    bulk_hours: tuple[str, ...] = option(
        (),
        description="Hours of the day, in this machine's time zone, in which summaries may leave; none = always.",
        fix='For example ["22:00-06:00"].',
    )

    @field_validator("bulk_hours")
    @classmethod
    def _spans(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            parse_hours(text)
        return value
