"""From a frozen batch to the object that the cloud gets: key and bytes, both made from the batch alone.

Pure. The same batch gives the same key and the same bytes, so writing an object twice changes nothing. Keys hold event
time, never the time of upload. (Bytes also depend on the versions of this software and of its libraries: a batch
written, but not ticked off, just before an upgrade is the one case in which a target may see other bytes for a key.)
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from cloud_sink.batch import Batch, Row
from cloud_sink.decoding import decode_summary
from cloud_sink.parquet import write_summaries
from cloud_sink.records import Lane
from cloud_sink.settings import Naming

_FOLDERS = {Lane.ALERT: "alerts", Lane.EVENT: "events", Lane.SUMMARY: "summaries"}
_LAYOUT = "v1"


@dataclass(frozen=True, slots=True)
class CloudObject:
    """What is sent.

    Attributes:
        lane: Of the records inside.
        key: Path below the target's root, with `/` between its parts.
        data: Content.
        records: How many are inside.
    """

    lane: Lane
    key: str
    data: bytes
    records: int

    @property
    def sha256(self) -> str:
        """Of the content, as hex."""
        return hashlib.sha256(self.data).hexdigest()


def build_object(batch: Batch, naming: Naming) -> CloudObject:
    """Alerts and events become gzipped JSON lines, window summaries Parquet.

    Raises:
        ValueError: A record cannot be decoded.
    """
    if batch.lane is Lane.SUMMARY:
        data = write_summaries([decode_summary(row.body) for row in batch.rows], naming)
    else:
        data = gzip.compress(b"".join(map(_line, batch.rows)), mtime=0)
    return CloudObject(batch.lane, object_key(batch, naming), data, len(batch.rows))


def object_key(batch: Batch, naming: Naming) -> str:
    """`<lane>/v1/site=/date=/[hour=/]<gateway>-<first event time>-<batch>.<ending>`."""
    when = datetime.fromtimestamp(batch.first_time // 10**9, UTC)
    folder = f"{_FOLDERS[batch.lane]}/{_LAYOUT}/site={naming.site}/date={when:%Y-%m-%d}"
    name = f"{naming.gateway}-{batch.first_time}-{batch.id[:8]}"
    if batch.lane is Lane.SUMMARY:
        return f"{folder}/hour={when:%H}/{name}.parquet"
    return f"{folder}/{name}.jsonl.gz"


def _line(row: Row) -> bytes:
    """The record's own JSON with its idempotency key in front, so that readers can tell a repeat."""
    return b'{"key":' + json.dumps(row.key).encode() + b"," + row.body[1:] + b"\n"
