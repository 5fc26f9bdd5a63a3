"""A place that gateways deliver to, seen from the other end: a folder, a bucket, all that pyarrow has a way to."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from pyarrow import fs

from cloud_sink.errors import PlaceError
from cloud_sink.schema import LAYOUT

_KEY = re.compile(rf"(alerts|events|summaries)/{LAYOUT}/site=([^/]+)/date=(\d{{4}}-\d\d-\d\d)/")
_DATE = re.compile(r"/date=(\d{4}-\d\d-\d\d)\Z")
_OBJECT = re.compile(r"/([^/]+)-\d+-[0-9a-f]{8}\.[a-z.]+\Z")  # gateway, time of its first record, batch
_FEW_DAYS = 3
_READERS = 8  # of small objects at a time: a round trip each


@dataclass(frozen=True, slots=True)
class Days:
    """Which days to read, by the date in the key: of the earliest record of an object. None = no bound.

    Attributes:
        since: First.
        until: Last.
    """

    since: date | None = None
    until: date | None = None

    def __contains__(self, day: date) -> bool:
        return (self.since is None or day >= self.since) and (self.until is None or day <= self.until)

    def few(self) -> list[date] | None:
        """Every one of them, where they are so few that it is quicker to look for each than to ask which there are."""
        if self.since is None or self.until is None or (self.until - self.since).days >= _FEW_DAYS:
            return None
        return [self.since + timedelta(days=number) for number in range((self.until - self.since).days + 1)]


@dataclass(frozen=True, slots=True)
class Found:
    """One object.

    Attributes:
        kind: `alerts`, `events` or `summaries`.
        site: Of its key.
        day: Of its key, UTC.
        path: For the file system.
        arrived: When it was written there, by the clock of the place; None = it does not say.
    """

    kind: str
    site: str
    day: date
    path: str
    arrived: datetime | None = None

    @property
    def gateway(self) -> str:
        """Who wrote it, by its name; "" = it is no gateway's."""
        match = _OBJECT.search(self.path)
        return match[1] if match else ""


@dataclass(frozen=True, slots=True)
class Place:
    """A root on a file system.

    Attributes:
        name: As it was asked for.
        filesystem: pyarrow's.
        root: Path of what holds `alerts/`, `events/`, `summaries/`.
    """

    name: str
    filesystem: Any
    root: str

    def find(
        self, days: Days, kinds: tuple[str, ...] = ("alerts", "events", "summaries"), site: str | None = None
    ) -> list[Found]:
        """Objects of these days and kinds, in order of their keys. What has no key of ours is left out.

        Only the partitions that are asked for are listed: with bounds, folder by folder, else all at once.

        Args:
            days: By the date in the key.
            kinds: Of records.
            site: None = all.

        Raises:
            PlaceError: It cannot be listed.
        """
        with ThreadPoolExecutor(_READERS) as readers:
            parts = [part for found in readers.map(lambda kind: self._parts(kind, days, site), kinds) for part in found]
            listed = readers.map(lambda part: self._list(part, recursive=True), parts)
            found = [one for infos in listed for info in infos if (one := self._found(info)) and one.day in days]
        return sorted(found, key=lambda one: one.path)

    def _parts(self, kind: str, days: Days, site: str | None) -> list[str]:
        """Folders to be listed with all that is in them."""
        base = f"{self.root}/{kind}/{LAYOUT}"
        if site is None and days.since is None and days.until is None:
            return [base]
        sites = [f"{base}/site={site}"] if site else [info.path for info in self._list(base, recursive=False)]
        if (few := days.few()) is not None:
            return [f"{one}/date={day}" for one in sites for day in few]
        dates = [info.path for one in sites for info in self._list(one, recursive=False)]
        return [path for path in dates if (match := _DATE.search(path)) and date.fromisoformat(match[1]) in days]

    def _list(self, folder: str, *, recursive: bool) -> list[Any]:
        selector = fs.FileSelector(folder, recursive=recursive, allow_not_found=True)
        found: list[Any] = self._asked(self.filesystem.get_file_info, selector)
        return found

    def _found(self, info: Any) -> Found | None:
        match = _KEY.match(info.path.removeprefix(f"{self.root}/"))
        if info.type is not fs.FileType.File or match is None or info.base_name.startswith("."):
            return None
        return Found(match[1], match[2], date.fromisoformat(match[3]), info.path, info.mtime)

    def read(self, paths: list[str]) -> Iterator[bytes]:
        """Contents, in the order asked for, several fetched at a time.

        Raises:
            PlaceError: One cannot be read.
        """
        with ThreadPoolExecutor(_READERS) as readers:
            yield from readers.map(self._read, paths)

    def _read(self, path: str) -> bytes:
        with self._asked(self.filesystem.open_input_file, path) as file:
            return bytes(self._asked(file.read))

    def write(self, key: str, data: bytes) -> None:
        """Put an object there, in one piece, over what was there, and read it back.

        Raises:
            PlaceError: It does not lie there as it should.
        """
        path = f"{self.root}/{key}"
        self._asked(self._put, path, data)
        if hashlib.sha256(self._read(path)).digest() != hashlib.sha256(data).digest():
            raise PlaceError(self.name, f"{key} does not hold what was written to it")

    def _put(self, path: str, data: bytes) -> None:
        if isinstance(self.filesystem, fs.LocalFileSystem):
            part = Path(path).with_name(f".{Path(path).name}.part")
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
            return
        # Leaving the stream by an error would publish half an object, so all there is to do in it is one write.
        with self.filesystem.open_output_stream(path, compression=None) as stream:  # else `.gz` is zipped once more
            stream.write(data)

    def _asked(self, call: Any, *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except OSError as error:
            raise PlaceError(self.name, str(error)) from error


def open_place(name: str) -> Place:
    """A folder, or a URI such as `s3://bucket/prefix`, `gs://...`, `abfs://...`.

    Credentials, region and endpoint come from where the vendor's own tools have them: for S3 `AWS_ACCESS_KEY_ID`,
    `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`, `~/.aws`.

    Raises:
        PlaceError: It is no place, or not there.
    """
    if "://" not in name:
        folder = Path(name).expanduser().resolve()
        if not folder.is_dir():
            raise PlaceError(name, "is no folder; name the folder that holds alerts/, events/ and summaries/")
        return Place(name, fs.LocalFileSystem(), str(folder))
    # Else what is written is framed for a checksum behind it, which servers other than Amazon's refuse, or store.
    os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    try:
        filesystem, root = fs.FileSystem.from_uri(name)
        bucket = filesystem.get_file_info(root.split("/")[0])
    except (OSError, ValueError) as error:
        raise PlaceError(name, str(error)) from error
    if bucket.type is fs.FileType.NotFound:
        raise PlaceError(name, f"there is no bucket {bucket.path}, or it may not be seen with these credentials")
    return Place(name, filesystem, root.rstrip("/"))
