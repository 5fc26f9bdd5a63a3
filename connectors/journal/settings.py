"""What an operator may decide about the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class JournalSettings:
    """How large the journal may grow and how durable it is.

    Attributes:
        quota_bytes: Of all segments together; at least two segments.
        segment_bytes: Size at which a new segment begins.
        fsync_every: A power cut loses at most what was appended in this time.
        retention: Segments that were read are deleted at this age; None: only the quota deletes.
    """

    quota_bytes: int = 4 * 2**30
    segment_bytes: int = 64 * 2**20
    fsync_every: timedelta = timedelta(seconds=0.5)
    retention: timedelta | None = None

    def __post_init__(self) -> None:
        if self.segment_bytes < 4096:
            msg = f"segment_bytes = {self.segment_bytes}: must be >= 4096; use some MiB"
            raise ValueError(msg)
        if self.quota_bytes < 2 * self.segment_bytes:
            msg = (
                f"quota_bytes = {self.quota_bytes}: must be >= 2 x segment_bytes ({self.segment_bytes}), since the "
                "oldest segment is deleted as a whole; raise the quota or lower segment_bytes"
            )
            raise ValueError(msg)
        if self.fsync_every <= timedelta(0):
            msg = f"fsync_every = {self.fsync_every}: must be > 0; use 0.5 s"
            raise ValueError(msg)
        if self.retention is not None and self.retention <= timedelta(0):
            msg = f"retention = {self.retention}: must be > 0; leave it out to keep all that the quota allows"
            raise ValueError(msg)
