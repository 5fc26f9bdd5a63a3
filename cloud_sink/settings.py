"""What the room obeys, parsed and checked. The TOML side is in `edge_gateway`."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import timedelta

KIB = 1024
MIB = 1024 * KIB

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")


def _refuse(field: str, value: object, rule: str, fix: str) -> ValueError:
    return ValueError(f"{field} = {value}: {rule}; {fix}")


@dataclass(frozen=True, slots=True)
class Naming:
    """Who sends. Part of every object key, so changing one starts a new series of objects.

    Attributes:
        site: Of the plant; the outermost partition of the bucket.
        gateway: Unique within the site.
        software: Version, written into the files.
    """

    site: str
    gateway: str
    software: str

    def __post_init__(self) -> None:
        for field, value in (("site", self.site), ("gateway", self.gateway)):
            if not _NAME.match(value):
                rule = "must be 1 to 63 letters, digits, dots, dashes or underscores, since it is part of object keys"
                raise _refuse(field, repr(value), rule, "choose such a name")


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """How much the outbox may hold.

    Attributes:
        quota: Bytes of record bodies. Above three quarters of it the oldest summaries are joined into longer windows,
            above all of it the oldest summaries are dropped, then events.
        alert_reserve: Bytes beyond the quota that only alerts may use; beyond it go those over 90 days old, no others.
        disk_reserve: Size of the file that is given up when the disk is full, so that deleting still works; 0 = none.
        lock_wait: How long a starting process waits for a dying one to let go of its role.
        alarm_history: Transitions of alarms that stay on site after they were delivered; an alarm that is not over
            stays beyond it.
    """

    quota: int = 512 * MIB
    alert_reserve: int = 64 * MIB
    disk_reserve: int = 6 * MIB  # an alert takes 8 pages of 4 KiB in the log until it is copied back
    lock_wait: timedelta = timedelta(seconds=5)
    alarm_history: int = 10_000

    def __post_init__(self) -> None:
        if self.quota <= 0:
            raise _refuse("quota", self.quota, "must be greater than 0 bytes", "512 MiB is the default")
        for field in ("alert_reserve", "disk_reserve"):
            if getattr(self, field) < 0:
                raise _refuse(field, getattr(self, field), "must not be negative", "0 switches it off")
        if self.lock_wait < timedelta(0):
            raise _refuse("lock_wait", self.lock_wait, "must not be negative", "0 s refuses at once")
        if self.alarm_history < 1:
            raise _refuse("alarm_history", self.alarm_history, "must be at least 1", "10000 is the default")


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """What goes together into one object.

    Attributes:
        rows: Most alerts or events in one object.
        size: Most bytes of record bodies in one object (a single larger record still goes).
        summary_rows: Most window summaries in one file.
        summary_bucket: Event time covered by one summary file; must divide an hour, so that a file has one hour.
        grace: How far event time must have moved past a bucket's end before its file is closed.
        max_wait: Longest time a summary waits for its bucket to fill up, by a steady clock.
    """

    rows: int = 200
    size: int = 16 * MIB
    summary_rows: int = 10_000
    summary_bucket: timedelta = timedelta(minutes=15)
    grace: timedelta = timedelta(minutes=2)
    max_wait: timedelta = timedelta(minutes=30)

    def __post_init__(self) -> None:
        for field in ("rows", "size", "summary_rows"):
            if getattr(self, field) < 1:
                raise _refuse(field, getattr(self, field), "must be at least 1", "leave it out for the default")
        if self.summary_bucket <= timedelta(0) or timedelta(hours=1) % self.summary_bucket:
            raise _refuse("summary_bucket", self.summary_bucket, "must divide one hour", "choose 15 min, for example")
        for field in ("grace", "max_wait"):
            if getattr(self, field) < timedelta(0):
                raise _refuse(field, getattr(self, field), "must not be negative", "0 s closes files at once")


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How the deliver process behaves.

    Attributes:
        poll_interval: How often it looks for events and finished summary files; alerts wake it at once.
        backoff: First delay after a failure; doubles from one failure to the next, with full jitter.
        backoff_cap: Longest delay.
        no_link_cap: Longest delay while there is no route or no resolver: a try then sends nothing off this machine.
        unreachable_cap: Longest delay while nobody answers the first packet, or nobody knows the name.
        hold: Delay after what only a person can mend: credentials, a missing or full bucket, an expired certificate.
    """

    poll_interval: timedelta = timedelta(seconds=1)
    backoff: timedelta = timedelta(seconds=1)
    backoff_cap: timedelta = timedelta(minutes=5)
    no_link_cap: timedelta = timedelta(seconds=1)
    unreachable_cap: timedelta = timedelta(seconds=15)
    hold: timedelta = timedelta(minutes=5)

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= timedelta(0):
                raise _refuse(field.name, getattr(self, field.name), "must be greater than 0", "1 s is a good start")
        if self.backoff_cap < self.backoff:
            raise _refuse("backoff_cap", self.backoff_cap, f"must not be below backoff ({self.backoff})", "raise it")
