"""Reading files that somebody else may have put there, and making what we write last."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from models.errors import BundleNotJudged, BundleRejected

FETCH = "fetch or train the bundle again"


def read_file(path: Path, most: int) -> bytes:
    """Bytes of a regular file; a link, a pipe or a device is refused before it is read.

    Raises:
        BundleRejected: It is no such file, larger than `most` bytes, or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise BundleRejected(path, "it is not a regular file", FETCH)
            data = file.read(min(found.st_size, most) + 1)  # asking for more reserves the memory for it
    except OSError as error:
        raise BundleNotJudged(path, f"it cannot be read ({error.strerror})", "check path and permissions") from error
    if len(data) > most:
        raise BundleRejected(path, f"it is larger than {most} bytes", "train a smaller model")
    return data


def sync_folder(path: Path) -> None:
    """Make what was created, renamed or removed in a folder outlast a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(path: Path, data: bytes) -> None:
    """Make a new file that outlasts a power cut, once its folder was synced.

    Raises:
        OSError: It is there, or cannot be written.
    """
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, data: bytes) -> None:
    """Put a file in the place of another: whoever reads sees one or the other, whole, also after a power cut.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_name("." + path.name)
    draft.unlink(missing_ok=True)
    write_file(draft, data)
    draft.replace(path)
    sync_folder(path.parent)
