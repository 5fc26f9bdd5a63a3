"""A place that gateways deliver to, seen from the other end: a folder, a bucket, all that pyarrow has a way to."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pyarrow import fs

from cloud_sink.errors import PlaceError
from cloud_sink.schema import LAYOUT

_KEY = re.compile(rf"(alerts|events|summaries)/{LAYOUT}/site=([^/]+)/date=(\d{{4}}-\d\d-\d\d)/")
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


@dataclass(frozen=True, slots=True)
class Found:
    """One object.

    Attributes:
        kind: `alerts`, `events` or `summaries`.
        site: Of its key.
        day: Of its key, UTC.
        path: For the file system.
    """

    kind: str
    site: str
    day: date
    path: str


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

    def find(self, days: Days, kinds: tuple[str, ...] = ("alerts", "events", "summaries")) -> list[Found]:
        """Objects of these days and kinds, in order of their keys. What has no key of ours is left out.

        Raises:
            PlaceError: It cannot be listed.
        """
        found = []
        for kind in kinds:
            selector = fs.FileSelector(f"{self.root}/{kind}/{LAYOUT}", recursive=True, allow_not_found=True)
            for info in self._asked(self.filesystem.get_file_info, selector):
                match = _KEY.match(info.path.removeprefix(f"{self.root}/"))
                if info.type is not fs.FileType.File or match is None or info.base_name.startswith("."):
                    continue
                day = date.fromisoformat(match[3])
                if day in days:
                    found.append(Found(match[1], match[2], day, info.path))
        return sorted(found, key=lambda one: one.path)

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
