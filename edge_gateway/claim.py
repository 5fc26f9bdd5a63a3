"""One gateway a data folder, and one process a role: two would share a recovery store, which does not survive that."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderRefused(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The folder cannot be written, or somebody else works in it."""


@contextmanager
def claim(folder: Path, role: str) -> Iterator[None]:
    """Hold `folder/role.lock` while the block runs; the kernel lets go of it when the process dies.

    Args:
        folder: Made where it is missing.
        role: What only one process at a time may be.

    Raises:
        FolderRefused: With folder, reason and fix.
    """
    path = folder / f"{role}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        msg = f"{folder} cannot be written: {error.strerror}. Name a folder on a local disk that this user may write."
        raise FolderRefused(msg) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip()
            msg = f"{path} is in use by process {holder}. Stop that one, or use another folder."
            raise FolderRefused(msg) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def is_held(folder: Path, role: str) -> bool:
    """Whether some process holds the role; a number in a file that nobody holds may be anybody's by now."""
    try:
        handle = os.open(folder / f"{role}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
