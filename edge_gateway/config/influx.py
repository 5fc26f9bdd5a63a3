"""The section of an InfluxDB for dashboards."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from cloud_sink.uplink.words import split_url
from edge_gateway.config.section import MIB, PIB, Section, Whole, day, minute, option, s
from edge_gateway.config.target_parts import ca_file
from edge_gateway.config.units import Duration, FilePath, Size


def _address(value: str) -> str:
    _, path = split_url(value)
    if path:
        msg = "must end with the host or port"
        raise ValueError(msg)
    return value


class InfluxSection(Section):
    """An InfluxDB that dashboards read; not the record: an outage longer than its ring leaves a hole in a picture."""

    url: Annotated[str, AfterValidator(_address)] = option(
        description="Address, without a path.",
        fix="For example http://localhost:8086 or https://influx.example.",
        example="http://localhost:8086",
    )
    api: Literal["v1", "v2", "v3"] = option(
        "v2", description="v1 for InfluxDB 1.x, v2 for 2.x, v3 for 3.x.", fix="v1, v2 or v3."
    )
    database: str = option(
        description="Bucket of 2.x; database of 1.x, with '/policy' for another retention policy, and of 3.x. It must "
        "exist.",
        fix="Name one.",
        example="sluicegate",
        min_length=1,
    )
    org: str = option("", description="Organisation, of 2.x only.", example="plant", shown=True)
    secret_file: FilePath | None = option(
        None,
        description="File that holds the token of 2.x and 3.x, or user:password of 1.x; read again when it changes.",
        example="/run/secrets/influx",
    )
    ca_file: FilePath | None = ca_file()
    ring_quota: Size = option(
        64 * MIB,
        description="Bytes of lines kept while it cannot be reached; beyond it the oldest go, counted.",
        fix="1 MiB to 1 PiB.",
        ge=MIB,
        le=PIB,
    )
    ring_age: Duration = option(
        day,
        description="Age at which kept lines go, in time of running. 1min to 31d.",
        fix="1min to 31d.",
        ge=minute,
        le=31 * day,
    )
    health_every: Duration = option(
        10 * s,
        description="Time between two looks at the gateway's own health. 1s to 1h.",
        fix="10s is usual.",
        ge=s,
        le=60 * minute,
    )
    live: tuple[str, ...] = option(
        (),
        description="Tags whose last value is written every live_every, as 'asset/tag'. Raw values: they go to this "
        "InfluxDB and nowhere else.",
        fix='For example ["pump-1/flow"].',
    )
    live_every: Duration = option(s, description="See live. 1s to 1h.", fix="1s to 1h.", ge=s, le=60 * minute)
    max_series: Whole = option(
        10_000,
        description="Series that tags, models and rules may make; each stays in the memory of the server for ever.",
        fix="InfluxDB bears some 100,000 on a small machine; raise it knowingly.",
        ge=1,
    )

    @model_validator(mode="after")
    def _fit(self) -> InfluxSection:
        if (self.api == "v2") != bool(self.org):
            msg = "org: 2.x needs one, 1.x and 3.x have none"
            raise ValueError(msg)
        return self

    @property
    def name(self) -> str:
        """Of its queue in the outbox; stays while address and database do."""
        return f"influx:{split_url(self.url)[0].authority}/{self.database}"
