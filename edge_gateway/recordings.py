"""What can be trained on, opened: a journal, a recording, Parquet that others have written, a CSV table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.samples import Item, SampleBatch
from connectors.tags import Tag, TagTable

if TYPE_CHECKING:
    from collections.abc import Iterable

CSV = (".csv", ".tsv", ".txt")
LABELS = ("anomaly", "label", "is_anomaly", "fault")  # names of a column of labels, where nobody says which it is
NEVER_TAGS = (*LABELS, "changepoint")  # a column of these names is no measurement, unless somebody says it is


class RecordingRefused(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """There is nothing to train on, or not of these assets."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Normal operation, to be read once.

    Attributes:
        tables: Its assets by name, with their tags.
        items: All it holds, in order of arrival.
    """

    tables: Mapping[str, TagTable]
    items: Iterator[Item]


def open_recording(path: Path, asset: str, columns: Mapping[str, str]) -> Recording:
    """Open whatever it is. Does not disturb a gateway that is running.

    Args:
        path: The folder of a journal (`data/journal`), a Parquet file, or a CSV table.
        asset: What to call what a CSV table holds.
        columns: Of a CSV table: name of a tag, and of its column; "time" for that of the times. Empty = found out.

    Raises:
        RecordingRefused: It is none of these.
        ConnectorError: The journal is of newer software.
        OSError: It cannot be read.
    """
    if path.is_dir():
        return Recording(_tables(_journal_items(path)), _journal_items(path))
    try:
        if path.suffix.lower() in CSV:
            from connectors.table_file import read_table  # noqa: PLC0415 - pyarrow

            table, blocks = read_table(path, asset, columns)
            return Recording({asset: table}, blocks)
        return _parquet(path)
    except ValueError as error:  # pyarrow's own are of this kind, too
        said = str(error).removeprefix(f"{path}: ")
        raise RecordingRefused(f"--from {path}: is no recording: {said.removeprefix('is no recording: ')}") from error


def _parquet(path: Path) -> Recording:
    from connectors.foreign_recording import read_foreign  # noqa: PLC0415 - pyarrow
    from connectors.recording import has_tables, read_recording, recording_tables  # noqa: PLC0415

    if has_tables(path):
        return Recording({table.asset: table for table in recording_tables(path)}, read_recording(path))
    tables, blocks = read_foreign(path)
    return Recording({table.asset: table for table in tables}, blocks)


def _journal_items(folder: Path) -> Iterator[Item]:
    from connectors.recording import journal_items  # noqa: PLC0415 - pyarrow

    found = False
    for item in journal_items(folder):
        found = True
        yield item
    if not found:
        raise RecordingRefused(f"--from {folder}: holds no journal; a gateway's is in the folder journal of its data")


def _tables(items: Iterable[Item]) -> dict[str, TagTable]:
    """Where a table changed on the way, the union by name; the later definition counts."""
    tags: dict[str, dict[str, Tag]] = {}
    last: dict[str, TagTable] = {}
    for item in items:
        if isinstance(item, SampleBatch) and last.get(item.asset) != item.tags:
            last[item.asset] = item.tags
            tags.setdefault(item.asset, {}).update((tag.name, tag) for tag in item.tags.tags)
    return {asset: TagTable(asset, tuple(known.values())) for asset, known in tags.items()}
