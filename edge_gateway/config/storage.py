"""Sections of what is kept: journal and outbox."""

from __future__ import annotations

from datetime import timedelta

from pydantic import field_validator, model_validator

from edge_gateway.config.section import GIB, MIB, PIB, Section, Whole, day, minute, ms, option, s
from edge_gateway.config.units import Duration, Size


class JournalSection(Section):
    """The ring of raw samples on the local disk. It never leaves the site."""

    quota: Size = option(
        2 * GIB,
        description="Bytes on disk; beyond it the oldest goes, counted if it was unread.",
        fix="16 MiB to 1 PiB.",
        ge=16 * MIB,
        le=PIB,
    )
    retention: Duration = option(
        7 * day,
        description="Age at which what was read is removed even below the quota.",
        fix="1min to 365d.",
        ge=minute,
        le=365 * day,
    )
    fsync_every: Duration = option(
        500 * ms,
        description="Longest time raw samples are not on the disk; what a power cut can lose.",
        fix="50ms to 10s.",
        ge=50 * ms,
        le=10 * s,
    )
    intake_limit: Whole = option(
        200_000,
        description="Samples held in memory while the disk stalls; beyond it blocks are dropped and counted.",
        fix="At least 1000.",
        ge=1000,
    )


class OutboxSection(Section):
    """The durable queue of records for the cloud."""

    quota: Size = option(
        512 * MIB,
        description="Bytes of records kept. Above three quarters the oldest summaries are joined into longer windows; "
        "beyond it the oldest go, counted.",
        fix="1 MiB to 1 PiB.",
        ge=MIB,
        le=PIB,
    )
    alert_reserve: Size = option(
        64 * MIB,
        description="Bytes beyond the quota that only alerts may use; then those over 90 days old go.",
        fix="1 MiB to 1 PiB.",
        ge=MIB,
        le=PIB,
    )
    alarm_history: Whole = option(
        10_000,
        description="Changes of alarms kept on site after delivery, for `sluicegate alerts`; each takes 1 to 4 kB. "
        "What is still open stays beyond it. 100 to 1000000.",
        fix="100 to 1000000.",
        ge=100,
        le=1_000_000,
    )
    summary_file: Duration = option(
        15 * minute,
        description="Event time covered by one summary file; must divide one hour.",
        fix="15min is a good size; shorter files cost more bytes.",
        ge=s,
        le=60 * minute,
    )
    retry_first: Duration = option(
        1 * s,
        description="First wait after a failed delivery; doubles, with full jitter.",
        fix="100ms to 1min.",
        ge=100 * ms,
        le=minute,
    )
    retry_cap: Duration = option(
        5 * minute, description="Longest wait between two tries.", fix="1s to 1h.", ge=s, le=60 * minute
    )

    @field_validator("summary_file")
    @classmethod
    def _divides(cls, value: timedelta) -> timedelta:
        if timedelta(hours=1) % value:
            msg = "must divide one hour, since a file has one hour in its key"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _grows(self) -> OutboxSection:
        if self.retry_cap < self.retry_first:
            msg = "retry_cap must not be below retry_first: waits only grow; raise it"
            raise ValueError(msg)
        return self
