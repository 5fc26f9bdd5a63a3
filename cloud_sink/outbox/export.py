"""What waits in an outbox as files in a folder, the same objects that a target would get; nothing is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cloud_sink.batch import Batch, batch_id
from cloud_sink.objects import build_object
from cloud_sink.outbox.onlooker import Held, Onlooker
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings, Naming
from cloud_sink.targets.file import FileTarget

_DAY_NS = 86_400 * 10**9


@dataclass(slots=True)
class Exported:
    """What was written.

    Attributes:
        keys: Paths below the folder.
        records: In them.
        unreadable: Records that are damaged or of a newer schema, or left while this ran.
    """

    keys: list[str] = field(default_factory=list)
    records: int = 0
    unreadable: int = 0


def export(
    onlooker: Onlooker, to: Path, naming: Naming, batches: BatchSettings, *, set_aside: bool = False
) -> Exported:
    """Write it. Each file is synced and read back; one that is there already with the same content stays.

    Args:
        onlooker: At the outbox.
        to: Folder that exists.
        naming: Goes into names and files.
        batches: What goes together.
        set_aside: What targets refused, instead of what waits.

    Raises:
        DeliveryError: The folder does not take it.
        OutboxError: The outbox cannot be read.
    """
    done, target = Exported(), FileTarget(to)
    for lane in Lane:
        for together in _together(onlooker.held(lane, set_aside=set_aside), lane, batches):
            rows = onlooker.bodies(together)
            done.unreadable += len(together) - len(rows)
            if not rows:
                continue
            batch = Batch(batch_id(row.key for row in rows), lane, tuple(rows))
            try:
                outgoing = build_object(batch, naming)
            except (ValueError, LookupError, TypeError):
                done.unreadable += len(rows)
                continue
            target.put(outgoing.key, outgoing.data)
            done.keys.append(outgoing.key)
            done.records += len(rows)
    return done


def _together(held: Iterable[Held], lane: Lane, batches: BatchSettings) -> Iterator[list[Held]]:
    """Alerts and events of a day, in order of arrival; summaries of a bucket, in order of event time."""
    span = round(batches.summary_bucket.total_seconds() * 10**9) if lane is Lane.SUMMARY else _DAY_NS
    most = batches.summary_rows if lane is Lane.SUMMARY else batches.rows
    if lane is Lane.SUMMARY:
        held = sorted(held, key=lambda one: (one.time, one.seq))
    group: list[Held] = []
    size = 0
    for one in held:
        if group and (
            one.time // span != group[0].time // span or len(group) == most or size + one.size > batches.size
        ):
            yield group
            group, size = [], 0
        group.append(one)
        size += one.size
    if group:
        yield group
